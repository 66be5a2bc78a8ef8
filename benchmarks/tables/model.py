"""What a table is, before anybody decides how it is written.

A document is what one command prints: tables, and the unrounded data behind them. A table has
columns, and rows in groups; a cell has the text that is printed, the value behind it, a mark, and
the signs of its footnotes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Scalar = str | int | float | bool | None
# Ranks, then tones of words. tied: not distinguishable from the best.
Mark = Literal["", "best", "second", "tied", "good", "bad", "warning", "quiet"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column."""

    title: str
    key: str = ""  # its name in CSV and JSON; empty: the title
    numeric: bool = False  # in line at the right; else words, in line at the left
    prose: bool = False  # whole sentences
    higher_is_better: bool | None = None  # None: its values have no direction
    of_sets: bool = False  # one value per set of images, which depends on how many there are
    decimals: int | None = None  # as printed
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What the column is called in CSV and JSON."""
        return self.key or self.title

    @property
    def arrow(self) -> str:
        """Where better values lie; empty where values have no direction."""
        return {True: "↑", False: "↓", None: ""}[self.higher_is_better]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell. What is not available has the text `-` and no value."""

    text: str = "-"
    value: Scalar = None  # unrounded; None: the text, or not available
    n: int | None = None  # images that the value stands on
    mark: Mark = ""
    interval: tuple[float, float] | None = None  # of the mean, 95 %
    beside: str = ""  # the interval as printed, where the table shows it
    p: float | None = None  # of "equals the best of its column", corrected; 1 for the best
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row."""

    cells: tuple[Cell, ...]
    heading: str = ""  # words on a line of their own above it
    ruled: bool = False  # a rule above it
    quoted: bool = False  # somebody else's values
    cite: str = ""  # BibTeX key of what the row is about, where it is to be cited
    facts: Mapping[str, Scalar] = field(default_factory=dict)  # before its values in CSV


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rows that belong together."""

    rows: tuple[Row, ...]
    title: str = ""  # empty: parted from other groups, without a name
    n: int | None = None  # images that the values stand on, unless a cell says otherwise
    notes: tuple[str, ...] = ()
    facts: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Footnote:
    """A sentence below a table, and the sign by which cells refer to it; it may have none."""

    text: str
    mark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table."""

    columns: tuple[Column, ...]
    groups: tuple[Group, ...]
    label: str = ""  # "realsr-drealsr": part of a LaTeX label
    caption: str = ""
    stub: int = 1  # the first columns, which say what a row is about
    heading: str = ""  # what the titles of groups are: "Dataset"
    ranked: bool = False  # marks are ranks, and captions say how they look
    listed: bool = False  # words for people at a terminal, and lines for programs in a pipe
    stacked: bool = False  # on a terminal one block per row
    intervals: Literal["", "ci", "pm"] = ""  # none, [low, high], or ± half the width
    footnotes: tuple[Footnote, ...] = ()
    facts: Mapping[str, Scalar] = field(default_factory=dict)

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows of all groups."""
        return tuple(row for group in self.groups for row in group.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The tables of one command."""

    tables: tuple[Table, ...]
    comment: tuple[str, ...] = ()  # where the numbers come from
    facts: Mapping[str, Scalar] = field(default_factory=dict)  # at the end of every line of CSV
    records: Sequence[Mapping[str, Scalar]] | None = None  # the lines of CSV; None: the rows
    data: Any = None  # what JSON holds; None: the lines of CSV


def cells(*texts: Scalar) -> tuple[Cell, ...]:
    """Return cells without marks, of texts or numbers; None is `-`."""
    return tuple(Cell() if one is None else Cell(text=str(one), value=one) for one in texts)


def listing(columns: Sequence[Column | str], rows: Iterator[Any] | Sequence[Any]) -> Table:
    """Return a table of words: one group, with no caption.

    Args:
        columns: columns, or the titles of columns of words.
        rows: for each row its cells, or their texts.
    """
    every = tuple(one if isinstance(one, Column) else Column(title=one) for one in columns)
    found = [tuple(c if isinstance(c, Cell) else cells(c)[0] for c in row) for row in rows]
    group = Group(rows=tuple(Row(cells=one) for one in found))
    return Table(columns=every, groups=(group,), listed=True)


def sheet(what: str, name: str, facts: Mapping[str, Scalar | tuple[str, ...]]) -> Table:
    """Return all that is known of one thing: a fact per line, without those that say nothing.

    Args:
        what: the kind of thing: "method".
        name: which one.
        facts: by what they say; several texts stand below each other.
    """
    lines = [
        (fact if place == 0 else "", value)
        for fact, values in facts.items()
        for place, value in enumerate(values if isinstance(values, tuple) else (values,))
    ]
    rows = [(fact, value) for fact, value in lines if value not in (None, "")]
    return listing([what, Column(title=name, prose=True)], rows)
