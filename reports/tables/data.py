"""CSV and JSON: unrounded values, for other programs."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from reports.tables.model import Cell, Group, Report, Row, Table

_FIRST = ["table", "dataset", "n", "method", "title", "published"]
_LAST = ["protocol", "protocol_hash"]


def render_csv(report: Report) -> str:
    """Return one line per row, with one column per metric id and unrounded values.

    Intervals are two columns `low:<metric>` and `high:<metric>`, and tests one `p:<metric>`, where
    there are any. `n` is the number of images behind the values of a line; a metric that stands on
    other images somewhere, and every set metric, has a column `n:<metric>` of its own. What is not
    available is empty.
    """
    metrics = _metrics(report)
    counted = [metric for metric, own_n in metrics.items() if own_n]
    extras = _extras(report)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*_FIRST, *metrics, *(f"n:{metric}" for metric in counted), *extras, *_LAST])
    for table, group, row in _rows(report):
        cells = dict(zip((c.metric for c in table.columns), row.cells, strict=True))
        found = [cells.get(metric, Cell()) for metric in metrics]
        counts = [cells.get(metric, Cell()).n for metric in counted]
        writer.writerow(
            [
                table.kind,
                group.dataset,
                group.n,
                row.key,
                row.title,
                _source(table, row),
                *("" if cell.value is None else repr(cell.value) for cell in found),
                *("" if n is None else n for n in counts),
                *(_extra(name, cells) for name in extras),
                report.protocol,
                report.protocol_hash,
            ]
        )
    return text.getvalue()


def _metrics(report: Report) -> dict[str, bool]:
    """Return all metric ids in order, and whether their n has to be said."""
    found: dict[str, bool] = {}
    for table, group, row in _rows(report):
        for column, cell in zip(table.columns, row.cells, strict=True):
            other = cell.n is not None and cell.n != group.n
            own_n = column.level == "set" or other
            found[column.metric] = found.get(column.metric, False) or own_n
    return found


def _extras(report: Report) -> list[str]:
    """Return the names of the columns of intervals and tests that are not empty."""
    found: dict[str, None] = {}
    for table, _, row in _rows(report):
        for column, cell in zip(table.columns, row.cells, strict=True):
            if cell.interval:
                found |= dict.fromkeys([f"low:{column.metric}", f"high:{column.metric}"])
            if cell.p is not None:
                found[f"p:{column.metric}"] = None
    return list(found)


def _extra(name: str, cells: Mapping[str, Cell]) -> str:
    what, _, metric = name.partition(":")
    cell = cells.get(metric, Cell())
    low, high = cell.interval or (None, None)
    value = {"low": low, "high": high, "p": cell.p}[what]
    return "" if value is None else repr(value)


def _rows(report: Report) -> Iterator[tuple[Table, Group, Row]]:
    for table in report.tables:
        for group in table.groups:
            for row in group.rows:
                yield table, group, row


def _source(table: Table, row: Row) -> str:
    texts = {note.mark: note.text for note in table.footnotes}
    return texts.get(row.published, "")


def as_json(report: Report) -> dict[str, Any]:
    """Return the tables as plain data. What is not finite becomes null: JSON has no name for it."""
    return {
        "protocol": report.protocol,
        "protocol_hash": report.protocol_hash,
        "provenance": list(report.provenance),
        "tables": [_finite(asdict(table)) for table in report.tables],
    }


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
