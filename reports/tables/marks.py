"""Best and second best of each column within one group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from reports.aggregate import ranks
from reports.statistics.model import ALPHA

if TYPE_CHECKING:
    from benchmarks.tables.model import Cell, Column, Mark, Row

_MARKS: dict[int, Mark] = {1: "best", 2: "second"}
_FEWEST_FOR_SECOND = 3  # the second of two is the last


def marked(
    rows: Sequence[Row], columns: Sequence[Column], *, published: bool, tied: bool = False
) -> tuple[Row, ...]:
    """Return the rows with the marks of their cells.

    Ranks come from unrounded values, and ties share a mark. A set metric depends on its number of
    images, so of one column only the cells with the most images are ranked.

    Args:
        rows: the rows of one group.
        columns: their columns.
        published: whether published rows are ranked with ours.
        tied: mark all that is not distinguishable from the best instead of the second best.
    """
    ranked = [number for number, row in enumerate(rows) if published or not row.quoted]
    marks = []
    for i, column in enumerate(columns):
        cells = {number: rows[number].cells[i] for number in ranked}
        found = _ranked(cells, column)
        marks.append(_with_ties(cells, found) if tied else found)
    return tuple(
        replace(
            row,
            cells=tuple(
                replace(cell, mark=marks[i].get(number, "")) for i, cell in enumerate(row.cells)
            ),
        )
        for number, row in enumerate(rows)
    )


def _ranked(cells: Mapping[int, Cell], column: Column) -> dict[int, Mark]:
    if column.higher_is_better is None:
        return {}
    if column.of_sets:
        most = max((cell.n or 0 for cell in cells.values() if cell.value is not None), default=0)
        cells = {number: cell for number, cell in cells.items() if cell.n == most}
    values = {n: cell.value for n, cell in cells.items() if isinstance(cell.value, float)}
    if len(values) < 2:
        return {}
    places = 2 if len(values) >= _FEWEST_FOR_SECOND else 1
    found = ranks(values, higher_is_better=column.higher_is_better)
    return {number: _MARKS[rank] for number, rank in found.items() if rank <= places}


def _with_ties(cells: Mapping[int, Cell], ranked: Mapping[int, Mark]) -> dict[int, Mark]:
    """Return the marks of one column; a column that was not tested has none."""
    return {
        number: "best" if ranked.get(number) == "best" else "tied"
        for number, cell in cells.items()
        if cell.p is not None and cell.p > ALPHA
    }
