"""What every command line of this program shares: comma lists, names, common options.

`--methods a,b --methods c` names three methods.
"""

from __future__ import annotations

import csv
import inspect
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from benchmarks.api.errors import UsageError
from benchmarks.api.names import unknown
from benchmarks.datasets.places import FOLDER
from benchmarks.tables.write import Format, chosen_format, write

if TYPE_CHECKING:
    from benchmarks.tables.model import Document

_FOLDER = re.compile(rf"(^|,)\s*(?P<folder>{FOLDER})")
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")]
# Of every command that prints tables.
Form = Annotated[
    Format | None,
    typer.Option("--format", help="How tables look. Default: by the suffix of --out, or terminal."),
]
TableFile = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Write the tables to this file, not to stdout."),
]


@dataclass(frozen=True, kw_only=True)
class Output:
    """The options of a command that prints tables: how, and where to.

    Raises:
        UsageError: they contradict each other.
    """

    form: Form = None
    out: TableFile = None
    json: Json = False

    def __post_init__(self) -> None:
        self._chosen()  # before any work is done

    def _chosen(self) -> Format:
        return chosen_format(self.form, self.out, json=self.json)

    @property
    def for_people(self) -> bool:
        """Whether tables are read as they are printed, so that words may stand around them."""
        return self._chosen() is Format.TERMINAL and self.out is None

    def write(self, document: Document) -> None:
        """Write tables as they are asked for."""
        write(document, self._chosen(), self.out)


def split_lists(values: Iterable[str] | None) -> tuple[str, ...]:
    """Return the items of all `values`, in order, each once.

    A value is one row of CSV: an item that itself holds a comma is put in double quotes as a whole.

    Args:
        values: what an option received, once per time it was given; None where it was not given.

    Raises:
        UsageError: a quote is not closed, or does not enclose a whole item; the option was given
            and names nothing, as an empty shell variable does.

    >>> split_lists(["bicubic, mfsr@2", "bicubic", '"precomputed:A=/data/a,b",nearest'])
    ('bicubic', 'mfsr@2', 'precomputed:A=/data/a,b', 'nearest')
    """
    found: dict[str, None] = {}
    for value in values or ():
        found.update(dict.fromkeys(_items(value)))
    return _not_empty(values, found)


def split_datasets(values: Iterable[str] | None) -> tuple[str, ...]:
    """Return the items of `--datasets` and the like: as `split_lists`, but for `folder:LR,HR`.

    A `folder:` takes the rest of its value, commas and all, unless it is quoted as a whole.

    >>> split_datasets(["realsr,drealsr", "sample,folder:a,b"])
    ('realsr', 'drealsr', 'sample', 'folder:a,b')
    """
    found: dict[str, None] = {}
    for value in values or ():
        folder = _FOLDER.search(value)
        listed = value[: folder.start()] if folder else value
        found.update(dict.fromkeys(_items(listed)))
        if folder:
            found[value[folder.start("folder") :].strip()] = None
    return _not_empty(values, found)


def _not_empty(values: Iterable[str] | None, found: Iterable[str]) -> tuple[str, ...]:
    items = tuple(found)
    if values and not items:
        raise UsageError(
            "A list on the command line is empty.",
            "Name something in it, or leave the option out.",
        )
    return items


def _items(value: str) -> list[str]:
    rows = csv.reader(io.StringIO(value, newline=""), skipinitialspace=True, strict=True)
    try:
        return [item.strip() for row in rows for item in row if item.strip()]
    except csv.Error as error:
        raise UsageError(
            f"Cannot split the list {value!r}: {error}.",
            "An item that holds a comma is quoted as a whole: '\"first,one\",second'",
        ) from None


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
            raise unknown(what, name, options, see=see)
        if len(keys) > 1 and not several:
            raise UsageError(
                f"'{name}' may be any of these: {', '.join(keys)}.", "Use one of the full names."
            )
        found.update(dict.fromkeys(keys))
    return tuple(found)


def unfolded(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the fields of its parameters that are dataclasses as options of its own.

    Options that several commands share, or that belong together, are the fields of one class.
    """
    parameters = inspect.signature(command, eval_str=True).parameters.values()
    groups: dict[str, Any] = {
        one.name: one.annotation for one in parameters if is_dataclass(one.annotation)
    }
    every: list[inspect.Parameter] = []
    for one in parameters:
        every += _fields(one.annotation) if one.name in groups else [one]

    @wraps(command)
    def run(**given: Any) -> None:
        for name, kind in groups.items():
            given[name] = kind(**{field.name: given.pop(field.name) for field in fields(kind)})
        command(**given)

    keyword = inspect.Parameter.KEYWORD_ONLY
    signature = inspect.Signature([one.replace(kind=keyword) for one in every])
    run.__signature__ = signature  # type: ignore[attr-defined]  # what typer reads
    run.__annotations__ = {one.name: one.annotation for one in every}
    return run


def _fields(kind: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(kind)
    ]
