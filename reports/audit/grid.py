"""What LaTeX, Markdown and CSV tables are read into: rows of cells, each character in styles."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

# How text is dressed: "bold", "underline", "red text", "orange background", or `\hl` for a command
# that nobody knows. "best", "second" and "third" are what a command or colour calls itself.
Style = str
Styles = frozenset[Style]
PLAIN: Styles = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class GridCell:
    """One cell: its text without markup, and how each character was marked up."""

    text: str = ""
    dress: tuple[Styles, ...] = ()  # one for each character of the text
    columns: int = 1  # that it spans
    rows: int = 1  # negative: it stands for the rows above
    unread: str = ""  # what of it is not understood and may be part of a number

    def styles(self, start: int, end: int) -> Styles:
        """Return the styles of the characters from `start` to before `end`."""
        return frozenset().union(*self.dress[start:end])


def cell_of(characters: Iterable[tuple[str, Styles]], **other: int | str) -> GridCell:
    """Return a cell of styled characters; white space at the ends and in a row is left out."""
    text: list[str] = []
    dress: list[Styles] = []
    for character, styles in characters:
        if character.isspace() and (not text or text[-1] == " "):
            continue
        text.append(" " if character.isspace() else character)
        dress.append(styles)
    if text and text[-1] == " ":
        text.pop()
        dress.pop()
    return GridCell(text="".join(text), dress=tuple(dress), **other)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class GridRow:
    """One row, with the line of the file that it starts in."""

    cells: tuple[GridCell, ...]
    line: int = 0
    group: int = 0  # rows with a rule between them are of different groups


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """One table of a file."""

    name: str
    rows: tuple[GridRow, ...]
    caption: GridCell = field(default_factory=GridCell)
    line: int = 0
    unread: tuple[str, ...] = ()  # what sets styles by other means than the text of cells


def spread_out(rows: tuple[GridRow, ...]) -> tuple[GridRow, ...]:
    r"""Return rows in which every cell stands for one column: what spans several is repeated.

    A cell that spans rows stands in each of them. LaTeX leaves the cells below a `\multirow`
    empty, or those above one of a negative number; those are filled, and a cell with a text of
    its own is not.
    """
    spread = [[cell for cell in row.cells for _ in range(cell.columns)] for row in rows]
    for at, cells in enumerate(spread):
        for column, cell in enumerate(cells):
            step = 1 if cell.rows > 0 else -1
            for other in range(at + step, at + cell.rows, step):
                if not _fill(spread, other, column, cell):
                    break
    return tuple(
        GridRow(cells=tuple(cells), line=row.line, group=row.group)
        for cells, row in zip(spread, rows, strict=True)
    )


def _fill(spread: list[list[GridCell]], row: int, column: int, cell: GridCell) -> bool:
    """Put a cell into an empty place; return whether its span may go on from there."""
    if not 0 <= row < len(spread):
        return False
    if column < len(spread[row]) and not spread[row][column].text:
        spread[row][column] = GridCell(text=cell.text, dress=cell.dress, unread=cell.unread)
    return True
