"""What LaTeX, Markdown and CSV tables are read into: rows of styled cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Style = Literal["bold", "underline", "red", "blue", "best", "second"]
NO_STYLES: frozenset[Style] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class GridCell:
    """One cell: its text without markup, and what the markup was."""

    text: str = ""
    styles: frozenset[Style] = NO_STYLES
    columns: int = 1  # that it spans
    rows: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class GridRow:
    """One row, with the line of the file that it starts in."""

    cells: tuple[GridCell, ...]
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """One table of a file."""

    name: str
    rows: tuple[GridRow, ...]
    caption: str = ""


def spread_out(rows: tuple[GridRow, ...]) -> tuple[GridRow, ...]:
    r"""Return rows in which every cell stands for one column: what spans several is repeated.

    A cell that spans rows stands in each of them. LaTeX leaves the cells below a `\multirow`
    empty; those are filled, and a cell with a text of its own is not.
    """
    found: list[GridRow] = []
    hanging: dict[int, tuple[GridCell, int]] = {}  # column -> (cell, rows that it still covers)
    for row in rows:
        cells = [cell for cell in row.cells for _ in range(cell.columns)]
        for column, (cell, left) in list(hanging.items()):
            if column < len(cells) and not cells[column].text:
                cells[column] = cell
            if left > 1:
                hanging[column] = (cell, left - 1)
            else:
                del hanging[column]
        for column, cell in enumerate(cells):
            if cell.rows > 1 and column not in hanging:
                hanging[column] = (GridCell(text=cell.text, styles=cell.styles), cell.rows - 1)
        found.append(GridRow(cells=tuple(cells), line=row.line))
    return tuple(found)
