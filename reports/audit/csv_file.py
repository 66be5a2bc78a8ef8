"""CSV tables as grids: ours, the transcriptions of this package, or anybody's with a header."""

from __future__ import annotations

import csv
import io

from benchmarks.api.errors import DataError
from reports.audit.grid import PLAIN, Grid, GridRow, cell_of

_TABLE = "table"  # a column of this name divides the file into tables
_DIFFERENCE = "difference"  # what our own files call a table of differences: no scores


def read_csv(source: str, name: str) -> list[Grid]:
    """Return the tables of a CSV file.

    Args:
        source: its contents.
        name: what the tables are called after.

    Raises:
        DataError: it is not CSV.
    """
    try:
        lines = list(csv.reader(io.StringIO(source, newline=""), strict=True))
    except csv.Error as error:
        raise DataError(
            f"{name} is not CSV: {error}.", "Save it as comma-separated text."
        ) from None
    if not lines:
        return []
    head, *body = lines
    at = next((i for i, text in enumerate(head) if text.strip().casefold() == _TABLE), None)
    parts: dict[str, list[GridRow]] = {}
    for number, cells in enumerate(body, start=2):
        key = cells[at].strip() if at is not None and at < len(cells) else ""
        if any(map(str.strip, cells)) and key != _DIFFERENCE:
            parts.setdefault(key, []).append(_row(cells, number))
    return [
        Grid(name=f"{name}, table {key}" if key else name, rows=(_row(head, 1), *rows))
        for key, rows in parts.items()
    ]


def _row(cells: list[str], line: int) -> GridRow:
    return GridRow(
        cells=tuple(cell_of((character, PLAIN) for character in cell) for cell in cells), line=line
    )
