"""Comma lists on the command line: `--methods a,b --methods c` names three methods."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

from benchmarks.api.errors import UsageError
from benchmarks.datasets.places import FOLDER

_FOLDER = re.compile(rf"(^|,)\s*(?P<folder>{FOLDER})")


def split_lists(values: Iterable[str] | None) -> tuple[str, ...]:
    """Return the items of all `values`, in order, each once.

    A value is one row of CSV: an item that itself holds a comma is put in double quotes as a whole.

    Args:
        values: what an option received, once per time it was given; None where it was not given.

    Raises:
        UsageError: a quote is not closed, or does not enclose a whole item.

    >>> split_lists(["bicubic, mfsr@2", "bicubic", '"precomputed:A=/data/a,b",nearest'])
    ('bicubic', 'mfsr@2', 'precomputed:A=/data/a,b', 'nearest')
    """
    found: dict[str, None] = {}
    for value in values or ():
        found.update(dict.fromkeys(_items(value)))
    return tuple(found)


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
    return tuple(found)


def _items(value: str) -> list[str]:
    rows = csv.reader(io.StringIO(value, newline=""), skipinitialspace=True, strict=True)
    try:
        return [item.strip() for row in rows for item in row if item.strip()]
    except csv.Error as error:
        raise UsageError(
            f"Cannot split the list {value!r}: {error}.",
            "An item that holds a comma is quoted as a whole: '\"first,one\",second'",
        ) from None
