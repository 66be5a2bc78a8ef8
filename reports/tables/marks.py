"""Best and second best of each column within one group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from reports.aggregate import ranks
from reports.statistics.model import ALPHA

if TYPE_CHECKING:
    from reports.tables.model import Column, Mark, Row

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
    marks = [_column_marks(rows, i, column, published) for i, column in enumerate(columns)]
    if tied:
        marks = [_with_ties(rows, i, ranked) for i, ranked in enumerate(marks)]
    return tuple(
        replace(
            row,
            cells=tuple(
                replace(cell, mark=marks[i].get(number, "")) for i, cell in enumerate(row.cells)
            ),
        )
        for number, row in enumerate(rows)
    )


def _column_marks(
    rows: Sequence[Row], index: int, column: Column, published: bool
) -> dict[int, Mark]:
    cells = {
        number: row.cells[index]
        for number, row in enumerate(rows)
        if row.cells[index].value is not None and (published or not row.published)
    }
    if column.level == "set":
        most = max((cell.n or 0 for cell in cells.values()), default=0)
        cells = {number: cell for number, cell in cells.items() if cell.n == most}
    if len(cells) < 2:
        return {}
    values = {number: cell.value for number, cell in cells.items() if cell.value is not None}
    places = 2 if len(cells) >= _FEWEST_FOR_SECOND else 1
    found = ranks(values, higher_is_better=column.higher_is_better)
    return {number: _MARKS[rank] for number, rank in found.items() if rank <= places}


def _with_ties(rows: Sequence[Row], index: int, ranked: Mapping[int, Mark]) -> dict[int, Mark]:
    """Return the marks of one column; a column that was not tested has none."""
    p_values = {number: row.cells[index].p for number, row in enumerate(rows)}
    return {
        number: "best" if ranked.get(number) == "best" else "tied"
        for number, p in p_values.items()
        if p is not None and p > ALPHA
    }
