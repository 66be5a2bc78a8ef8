"""Comma lists on the command line: `--methods a,b --methods c` names three methods."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from benchmarks.api.errors import UsageError


def split_lists(values: Iterable[str] | None) -> tuple[str, ...]:
    """Return the items of all `values`, in order, each once.

    A value is one row of CSV: an item that itself holds a comma is put in double quotes, as a whole.

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


def _items(value: str) -> list[str]:
    rows = csv.reader(io.StringIO(value, newline=""), skipinitialspace=True, strict=True)
    try:
        return [item.strip() for row in rows for item in row if item.strip()]
    except csv.Error as error:
        raise UsageError(
            f"Cannot split the list {value!r}: {error}.",
            "An item that holds a comma is quoted as a whole: '\"first,one\",second'",
        ) from None
