"""Unknown names, answered with near ones."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from benchmarks.api.errors import UnknownNameError


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the one known name that is nearest, or an empty text where none is near.

    >>> nearest("methds", ["methods", "out"]), nearest("x", ["methods"])
    ('methods', '')
    """
    return next(iter(difflib.get_close_matches(name, list(known), n=1)), "")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the question after the nearest known names, or an empty text where none is near.

    >>> did_you_mean("bicubc", ["bicubic", "nearest"])
    " Did you mean 'bicubic'?"
    """
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    return f" Did you mean {' or '.join(map(repr, near))}?" if near else ""


def unknown(what: str, name: str, known: Iterable[str], *, see: str) -> UnknownNameError:
    """Return the error for an unknown name, with the nearest known ones.

    Args:
        what: the kind of thing ("method").
        name: as it was given.
        known: the names that exist.
        see: the command that lists them.
    """
    return UnknownNameError(f"Unknown {what} {name!r}.{did_you_mean(name, known)}", f"See: {see}")
