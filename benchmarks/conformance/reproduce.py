"""Whether rows that were restored and scored here are the rows that were printed."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.conformance.rows import NOISE, PrintedRow

if TYPE_CHECKING:
    from benchmarks.results.rows import RunResults


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One printed value beside ours."""

    metric: str
    ours: float | None  # None: not computed
    printed: float
    allowed: float
    why: str = ""  # it was not computed

    @property
    def agrees(self) -> bool:
        """Whether it was computed, over all images, and lies within the noise of another run."""
        return self.ours is not None and abs(self.ours - self.printed) <= self.allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """One printed row beside ours."""

    row: PrintedRow
    cells: tuple[Cell, ...]
    why: str = ""  # nothing of it was computed

    @property
    def agrees(self) -> bool:
        """Whether every printed value was computed and agrees."""
        return not self.why and all(cell.agrees for cell in self.cells)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        cells = [asdict(cell) | {"agrees": cell.agrees} for cell in self.cells]
        return asdict(self.row) | {"cells": cells, "why": self.why, "agrees": self.agrees}


def compare(row: PrintedRow, results: RunResults) -> Reproduction:
    """Compare a run of one method on one data set with the row that was printed."""
    skipped = results.run.get("skipped_metrics") or {}
    return Reproduction(
        row=row,
        cells=tuple(
            _cell(metric, printed, row, results, str(skipped.get(metric, "")))
            for metric, printed in row.values.items()
        ),
    )


def refused(row: PrintedRow, why: str) -> Reproduction:
    """Return a row of which nothing could be computed."""
    cells = (
        Cell(metric=metric, ours=None, printed=printed, allowed=NOISE[metric], why=why)
        for metric, printed in row.values.items()
    )
    return Reproduction(row=row, cells=tuple(cells), why=why)


def _cell(metric: str, printed: float, row: PrintedRow, results: RunResults, skipped: str) -> Cell:
    values = [score.value for score in results.scores if score.metric == metric]
    sets = [score.value for score in results.set_scores if score.metric == metric]
    ours: float | None = None
    why = skipped or f"{len(values)} of {row.n} images have a value"
    if sets:
        ours, why = sets[0], ""
    elif len(values) == row.n:
        ours, why = math.fsum(values) / row.n, ""
    return Cell(metric=metric, ours=ours, printed=printed, allowed=NOISE[metric], why=why)
