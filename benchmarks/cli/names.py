"""Names on the command line -> keys of what is there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from benchmarks import registry
from benchmarks.api.errors import UsageError


def choose(
    names: Sequence[str],
    known: Mapping[str, Iterable[str]],
    *,
    what: str,
    see: str,
    several: bool = False,
) -> tuple[str, ...] | None:
    """Return the keys that `names` stand for, in the order given, or None for no names at all.

    A name is a key, or another word for one, in any case: `psnr` stands for `psnr@y601` as long as
    no second PSNR is there.

    Args:
        names: as typed.
        known: key -> the other words for it.
        what: the kind of thing, for messages ("metric").
        see: where the valid names are found, for messages.
        several: let one name stand for all keys that it fits.

    Raises:
        UnknownNameError: nothing goes by that name.
        UsageError: several things do, and `several` is false.
    """
    if not names:
        return None
    words = {key: (key, *others) for key, others in known.items()}
    found: dict[str, None] = {}
    for name in names:
        keys = [key for key, every in words.items() if name.casefold() in map(str.casefold, every)]
        if name in known and not several:
            keys = [name]
        if not keys:
            options = dict.fromkeys(word for every in words.values() for word in every)
            raise registry.unknown(what, name, options, see=see)
        if len(keys) > 1 and not several:
            raise UsageError(
                f"'{name}' may be any of these: {', '.join(keys)}.", "Use one of the full names."
            )
        found.update(dict.fromkeys(keys))
    return tuple(found)
