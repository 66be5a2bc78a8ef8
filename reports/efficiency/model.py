"""A table of texts, before anybody decides how it is written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One text, and the letter of the footnote that belongs to it."""

    text: str
    mark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """One table: a head, and rows of as many cells."""

    label: str  # "complexity": part of a LaTeX label
    caption: str
    words: int  # the first columns are words, the rest are numbers
    head: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]
    footnotes: tuple[tuple[str, str], ...] = ()  # (letter, text); the letter may be empty

    def transposed(self) -> Grid:
        """Return the table with its rows as columns: methods side by side."""
        head, *rows = zip(self.head, *self.rows, strict=True)
        return Grid(
            label=self.label,
            caption=self.caption,
            words=1,
            head=tuple(head),
            rows=tuple(tuple(row) for row in rows),
            footnotes=self.footnotes,
        )


def significant(value: float | None) -> str:
    """Return a number with three significant digits, never in powers of ten; "-" for none.

    >>> [significant(x) for x in (2265.4, 16.28, 0.1234, 0.000517, 0, None)]
    ['2265', '16.3', '0.123', '0.000517', '0', '-']
    """
    if value is None:
        return "-"
    if value == 0:
        return "0"
    digits = 2 - int(f"{abs(value):e}".partition("e")[2])
    return f"{value:.{max(digits, 0)}f}"
