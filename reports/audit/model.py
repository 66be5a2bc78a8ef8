"""Tables of a paper as they are printed, and what an audit finds in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from typing import Literal

# marked: best or second, and it is not known which of them
Mark = Literal["", "best", "second", "marked"]


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
    quoted: bool = False  # in a row with a sign such as †, or with a source: of somebody else

    @property
    def value(self) -> float:
        """The number."""
        return float(self.text)

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
    protocol: str = ""  # under which its values were measured, where it says so
    ranks_quoted: bool = True  # whether quoted rows are ranked with the others

    def columns(self) -> Iterator[tuple[str, str, tuple[Entry, ...]]]:
        """Yield (data set, metric, entries): the numbers that are ranked against each other."""

        def key(entry: Entry) -> tuple[str, str]:
            return entry.dataset, entry.metric

        shown = [entry for entry in self.entries if self.ranks_quoted or not entry.quoted]
        order = {key(entry): None for entry in shown}
        ranked = sorted(shown, key=lambda entry: list(order).index(key(entry)))
        for (dataset, metric), entries in groupby(ranked, key=key):
            yield dataset, metric, tuple(entries)

    def rows(self) -> Iterator[tuple[str, str, int | None, dict[str, Entry]]]:
        """Yield (data set, method, steps, entry of each metric)."""
        found: dict[tuple[str, str, int | None, bool], dict[str, Entry]] = {}
        for one in self.entries:
            row = (one.dataset, one.method, one.steps, one.quoted)
            found.setdefault(row, {})[one.metric] = one
        for (dataset, method, steps, _), entries in found.items():
            yield dataset, method, steps, entries


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
