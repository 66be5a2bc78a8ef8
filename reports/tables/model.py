"""What a table is, before anybody decides how it looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["scores", "difference"]
Mark = Literal["", "best", "second", "tied"]  # tied: not distinguishable from the best
Spread = Literal["", "ci", "pm"]  # what stands beside a value: nothing, [low, high], or ± half


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One metric."""

    metric: str  # metric id
    title: str
    higher_is_better: bool
    level: Literal["sample", "set"]
    decimals: int
    notes: tuple[str, ...] = ()

    @property
    def arrow(self) -> str:
        """Where better values lie."""
        return "↑" if self.higher_is_better else "↓"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One value."""

    value: float | None = None  # unrounded; None: not available
    n: int | None = None  # images it stands on
    mark: Mark = ""
    interval: tuple[float, float] | None = None  # of the mean, 95 %
    p: float | None = None  # of "equals the best of its column", corrected; 1 for the best
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One method on one data set."""

    key: str  # the method's key; empty for a published row
    title: str
    published: str = ""  # symbol of the source, for published values and differences from them
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The rows of one data set."""

    dataset: str  # data set id
    title: str
    n: int  # images that the means stand on, unless a cell says otherwise
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Footnote:
    """What a mark stands for: a letter, or the symbol of a source."""

    mark: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table."""

    kind: Kind
    label: str  # "realsr-drealsr": part of a LaTeX label
    caption: str
    columns: tuple[Column, ...]
    groups: tuple[Group, ...]
    spread: Spread = ""
    footnotes: tuple[Footnote, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The tables of one comparison, and where their numbers come from."""

    protocol: str  # id
    protocol_hash: str
    provenance: tuple[str, ...]  # lines that belong in a comment
    tables: tuple[Table, ...]
