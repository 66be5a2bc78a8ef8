"""CSV and JSON: unrounded values, for other programs."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.tables.model import Cell, Document, Group, Row, Scalar, Table


def render_csv(document: Document) -> str:
    """Return the records of a document under one line of names; what is not available is empty."""
    lines = records(document)
    names = dict.fromkeys(name for line in lines for name in line if name not in document.facts)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [*names, *document.facts], restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _plain(value) for name, value in line.items()} for line in lines)
    return text.getvalue()


def render_json(document: Document) -> str:
    """Return the data of a document. What is not finite becomes null: JSON has no name for it."""
    return json.dumps(as_json(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def as_json(document: Document) -> Any:
    """Return the data of a document, ready for JSON: its own, or else its records."""
    return _finite(records(document) if document.data is None else document.data)


def records(document: Document) -> Sequence[Mapping[str, Scalar]]:
    """Return one record per row, with the unrounded value of each column.

    Intervals are two values `low:<column>` and `high:<column>`, and tests one `p:<column>`, where
    there are any. A column whose values stand on other images than the group says somewhere, and
    every column of set values, has its number of images beside it as `n:<column>`.
    """
    if document.records is not None:
        return document.records
    rows = [(t, g, row) for t in document.tables for g in t.groups for row in g.rows]
    known = [dict(_named(table, row)) for table, _, row in rows]
    names = dict.fromkeys(name for cells in known for name in cells)
    counted = {name for table, group, row in rows for name in _counted(table, group, row)}
    lines: list[Mapping[str, Scalar]] = []
    for (table, group, row), cells in zip(rows, known, strict=True):
        values = dict.fromkeys(names) | {name: _value(cell) for name, cell in cells.items()}
        counts = {f"n:{name}": cell.n for name, cell in cells.items() if name in counted}
        who = {**table.facts, **group.facts, **row.facts}
        lines.append({**who, **values, **counts, **dict(_extras(cells)), **document.facts})
    return lines


def _named(table: Table, row: Row) -> Iterator[tuple[str, Cell]]:
    """Yield the cells of a row by column; facts say what a row is about better than its names."""
    first = table.stub if row.facts else 0
    for column, cell in list(zip(table.columns, row.cells, strict=True))[first:]:
        yield column.name, cell


def _value(cell: Cell) -> Scalar:
    absent = cell.value is None and cell.text == "-"
    return None if absent else cell.text if cell.value is None else cell.value


def _counted(table: Table, group: Group, row: Row) -> Iterator[str]:
    """Yield the names of columns whose number of images has to be said."""
    for column, cell in zip(table.columns, row.cells, strict=True):
        if column.of_sets or (cell.n is not None and cell.n != group.n):
            yield column.name


def _extras(cells: Mapping[str, Cell]) -> Iterator[tuple[str, float]]:
    for name, cell in cells.items():
        if cell.interval:
            yield f"low:{name}", cell.interval[0]
            yield f"high:{name}", cell.interval[1]
        if cell.p is not None:
            yield f"p:{name}", cell.p


def _plain(value: Scalar) -> Scalar:
    return repr(value) if isinstance(value, float) else value


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
