"""Tables of a paper as they are printed, and what an audit finds in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from reports.audit.grid import PLAIN, Styles

# marked: best or second, and it is not known which of them
Mark = Literal["", "best", "second", "third", "marked"]
Column = tuple[str, str, int]  # data set, metric id, part of the table


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One number of a table."""

    dataset: str  # as the table names it; empty where it does not
    method: str  # without its number of steps
    steps: int | None
    metric: str  # metric id
    text: str  # the number as printed
    mark: Mark | None = None  # None: not known, or the table marks nothing
    basis: str = ""  # how a mark is known where it was not read in the table itself
    line: int = 0  # of the file; 0 for none
    styles: Styles = PLAIN  # that the number is set in
    part: int = 0  # of the table, where a second header divides it
    group: int = 0  # of rows: those between two rules
    category: str = ""  # what a column before the methods says of the row
    place: int = 0  # of the row in the table
    quoted: bool = False  # in a row with a sign such as †, or with a source: of somebody else
    muted: bool = False  # the row is shown beside the others: in grey, or as ground truth

    @property
    def value(self) -> float:
        """The number."""
        return float(self.text.replace(",", ""))

    @property
    def decimals(self) -> int:
        """How many decimals are printed."""
        return len(self.text.partition(".")[2])

    @property
    def name(self) -> str:
        """The metric's name without its variant, as papers print it."""
        return self.metric.partition("@")[0].upper()

    @property
    def row(self) -> str:
        """The row's title: METHOD-Ns."""
        return self.method if self.steps is None else f"{self.method}-{self.steps}s"

    @property
    def column(self) -> Column:
        """What it is ranked in."""
        return self.dataset, self.metric, self.part


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """What of a table the reader does not understand."""

    what: str  # "\\RB around 8 numbers"
    line: int = 0
    columns: frozenset[Column] = frozenset()  # where no verdict can be given because of it
    numbers: bool = False  # it may hide a number, and not a mark alone


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperTable:
    """One table."""

    name: str  # "Table 1", "paper.tex, table 2"
    entries: tuple[Entry, ...]
    caption: str = ""
    n_of: Mapping[str, int] = field(default_factory=dict)  # data set -> images, where it is said
    left_out: tuple[str, ...] = ()  # columns that are no metric known here
    arrows: Mapping[str, str] = field(default_factory=dict)  # metric id -> printed arrow
    unmarked: tuple[str, ...] = ()  # marks that the table never uses: "second"
    unread: tuple[Unread, ...] = ()
    protocol: str = ""  # under which its values were measured, where it says so
    ranks_quoted: bool = True  # whether quoted rows are ranked with the others

    @property
    def ranked(self) -> tuple[Entry, ...]:
        """Return the numbers that take part in ranks."""
        return tuple(entry for entry in self.entries if self.ranks_quoted or not entry.quoted)

    def columns(self) -> Iterator[tuple[Column, tuple[Entry, ...]]]:
        """Yield each column with the numbers that are ranked against each other."""
        found: dict[Column, list[Entry]] = {}
        for entry in self.ranked:
            found.setdefault(entry.column, []).append(entry)
        for column, entries in found.items():
            yield column, tuple(entries)

    def rows(self) -> Iterator[tuple[str, str, int | None, dict[str, Entry]]]:
        """Yield (data set, method, steps, entry of each metric)."""
        found: dict[tuple[str, str, int | None, bool], dict[str, Entry]] = {}
        for one in self.entries:
            row = (one.dataset, one.method, one.steps, one.quoted)
            found.setdefault(row, {})[one.metric] = one
        for (dataset, method, steps, _), entries in found.items():
            yield dataset, method, steps, entries

    def hidden(self, *, marks: bool) -> frozenset[Column]:
        """Return the columns of which numbers, or marks as well, are not understood."""
        return frozenset().union(
            *(unread.columns for unread in self.unread if marks or unread.numbers)
        )


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"  # cannot be right as it is printed
    WARNING = "warning"  # may be right, but does not show what it seems to
    NOTE = "note"  # for the reader to know


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that an audit found."""

    check: str  # "marks"
    severity: Severity
    place: str  # "Table 1, DIV2K-Val, SSIM"
    evidence: str
    remedy: str


def place(table: PaperTable, *parts: str, line: int = 0) -> str:
    """Return where something is: the table, what in it, and the line of the file.

    >>> place(PaperTable(name="a.tex, table 1", entries=()), "RealSR", "", "PSNR", line=12)
    'a.tex, table 1, RealSR, PSNR (line 12)'
    """
    text = ", ".join([table.name, *filter(None, parts)])
    return f"{text} (line {line})" if line else text
