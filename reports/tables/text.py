"""What all formats of a table share: numbers, and names that cannot break a line."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reports.tables.model import Cell, Column, Kind, Spread


class Highlight(StrEnum):
    """How the best and the second best value look."""

    RED_BLUE = "red-blue"
    BOLD_UNDERLINE = "bold-underline"
    TIED = "tied"  # the best, and all that are not distinguishable from it, alike
    NONE = "none"


WORDS = {
    Highlight.RED_BLUE: "Best in red, second in blue.",
    Highlight.BOLD_UNDERLINE: "Best in bold, second underlined.",
    Highlight.TIED: "In bold the best and all that are not distinguishable from it.",
    Highlight.NONE: "",
}


def number(cell: Cell, column: Column, kind: Kind) -> str:
    """Return a cell's value as it is printed: the metric's decimals, signed for a difference.

    >>> column = Column(metric="psnr@y601", title="PSNR", higher_is_better=True, level="sample",
    ...                 decimals=2)
    >>> number(Cell(value=25.151), column, "scores"), number(Cell(), column, "scores")
    ('25.15', '-')
    >>> number(Cell(value=-0.001), column, "difference")
    '+0.00'
    """
    if cell.value is None:
        return "-"
    if kind == "scores":
        return f"{cell.value:.{column.decimals}f}"
    text = f"{cell.value:+.{column.decimals}f}"
    # A difference that rounds to nothing has no direction.
    return text.replace("-", "+") if float(text) == 0 else text


def spread(cell: Cell, column: Column, form: Spread) -> str:
    """Return a cell's interval as it is printed beside the value; empty where there is none.

    >>> column = Column(metric="psnr@y601", title="PSNR", higher_is_better=True, level="sample",
    ...                 decimals=2)
    >>> cell = Cell(value=25.151, interval=(24.69, 25.632))
    >>> spread(cell, column, "ci"), spread(cell, column, "pm"), spread(cell, column, "")
    ('[24.69, 25.63]', '±0.47', '')
    """
    if cell.interval is None or not form:
        return ""
    low, high = cell.interval
    if form == "pm":
        return f"±{(high - low) / 2:.{column.decimals}f}"
    return f"[{low:.{column.decimals}f}, {high:.{column.decimals}f}]"


def one_line(text: str) -> str:
    """Return `text` on one line, with a question mark for whatever does not print."""
    return "".join(character if character.isprintable() else "?" for character in text)
