"""Footnotes: why a cell is empty, and where a mean stands on fewer images than the set has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from string import ascii_lowercase
from typing import TYPE_CHECKING

from benchmarks.tables.model import Footnote
from reports.published.noise import too_close
from reports.statistics.model import ALPHA

if TYPE_CHECKING:
    import pandas as pd

    from benchmarks.tables.model import Cell, Column, Group, Row
    from reports.aggregate import Estimate, Key
    from reports.comparison import Comparison
    from reports.identity import Dataset, Metric
    from reports.tables.scope import Layout, Scope

_LONGEST = 100  # characters of a cause in a footnote
_NOT_SHARED = "no image that all methods share"
_SYMBOLS = ("†", "‡", "§", "¶")


class Footnotes:
    """Collects footnotes; the same text has the same mark."""

    def __init__(self) -> None:
        self._marks: dict[str, str] = {}
        self._sources: dict[str, str] = {}

    def mark(self, text: str) -> tuple[str, ...]:
        """Return the letter of a footnote as a tuple of marks; empty for an empty text."""
        if not text:
            return ()
        return (self._marks.setdefault(text, _letters(len(self._marks))),)

    def source(self, citation: str) -> str:
        """Return the symbol of a source of published values."""
        count = len(self._sources)
        symbol = _SYMBOLS[count % len(_SYMBOLS)] * (1 + count // len(_SYMBOLS))
        return self._sources.setdefault(citation, symbol)

    def text_of(self, sign: str) -> str:
        """Return what the symbol of a source stands for."""
        return next(f"Published: {text}." for text, own in self._sources.items() if own == sign)

    @property
    def signs(self) -> tuple[str, ...]:
        """The symbols of all sources."""
        return tuple(self._sources.values())

    def collected(self) -> tuple[Footnote, ...]:
        """Return all of them, sources first."""
        sources = [Footnote(mark=m, text=self.text_of(m)) for m in self.signs]
        return (*sources, *(Footnote(mark=m, text=f"{t}.") for t, m in self._marks.items()))


def _letters(index: int) -> str:
    """Return a, b, ..., z, aa, bb, ..."""
    return ascii_lowercase[index % 26] * (1 + index // 26)


def about_niqe(dataset: Dataset, metrics: Sequence[Metric], rows: Sequence[Row]) -> str:
    """Return a warning where the best NIQE and the worst SSIM are of one row; else nothing."""
    ours = [row for row in rows if not row.quoted]
    found = {}
    for name, pick in (("niqe", min), ("ssim", min)):
        place = next((i for i, one in enumerate(metrics, 1) if one.name == name), None)
        valued = [row for row in ours if place and row.cells[place].value is not None]
        if place is None or len(valued) < 2:
            return ""
        found[name] = pick(valued, key=lambda row: float(row.cells[place].value or 0))
    if found["niqe"] is not found["ssim"]:
        return ""
    title = found["niqe"].cells[0].text
    return (
        f"{dataset.title}: {title} has the best NIQE and the worst SSIM. "
        "NIQE rewards noise: look at the images"
    )


def usual_n(counts: Collection[int]) -> int:
    """Return the commonest of some numbers of images, of equals the largest; 0 for none."""
    votes = Counter(counts)
    return max(votes, key=lambda n: (votes[n], n), default=0)


def about_n(comparison: Comparison, dataset: Dataset, n: int, n_of: Mapping[str, int]) -> str:
    """Return what is to be said of a data set whose means are not all over all of its images.

    Args:
        comparison: all that was measured.
        dataset: the data set.
        n: images that most of its means stand on.
        n_of: sample metric -> images that its means stand on.
    """
    parts = []
    if n < dataset.n:
        parts.append(f"means over {n} of {dataset.n} images{_lacking(comparison, dataset)}")
    by_n: dict[int, list[str]] = {}
    for metric, count in n_of.items():
        if count != n:
            by_n.setdefault(count, []).append(comparison.metrics[metric].title)
    parts += [f"{', '.join(titles)}: n = {count}" for count, titles in by_n.items()]
    return "; ".join(parts)


def _lacking(comparison: Comparison, dataset: Dataset) -> str:
    """Return which methods have fewer images than the set: ` (MFSR-1s has 99)`."""
    rows = comparison.scores[comparison.scores["dataset"] == dataset.id]
    counts = rows.groupby(["method", "metric"])["image"].nunique().groupby("method").max()
    fewer = [
        f"{method.title} has {counts[key]}"
        for key, method in comparison.methods.items()
        if key in counts.index and counts[key] < dataset.n
    ]
    return f" ({', '.join(fewer)})" if fewer else ""


def about_column(comparison: Comparison, metric: Metric) -> str:
    """Return why nobody has a value of `metric`."""
    skipped = comparison.why_skipped(metric.id)
    if skipped:
        return f"not computed ({skipped})"
    if (comparison.scores["metric"] == metric.id).any():
        return _NOT_SHARED
    failed = comparison.failures[comparison.failures["metric"] == metric.id]
    return _failures(failed) if len(failed) else "not computed"


def about_statistics(scope: Scope) -> list[str]:
    """Return the sentences of a caption that say what intervals and ties are."""
    layout = scope.layout
    what = {
        "ci": "Brackets hold 95 % intervals",
        "pm": "± is half the width of the 95 % interval",
        "": "",
    }[layout.intervals]
    words = [f"{what} (studentised bootstrap over images)."] if what else []
    if layout.tied:
        tests = scope.uncertainty.tests
        words.append(
            f"Paired sign-flip tests, Holm over all {tests} pairs of the table, {ALPHA:.0%}."
        )
    return words


def about_noise(columns: Sequence[Column], groups: Iterable[Group], layout: Layout) -> str:
    """Return the sentence of a caption that names what one more measurement may rank otherwise.

    Intervals and tests say more, so there it is empty.
    """
    if layout.intervals or layout.tied:
        return ""
    found = [
        f"{column.title} on {group.title}"
        for group in groups
        for i, column in enumerate(columns)
        if _too_close(column, [row.cells[i] for row in group.rows if _is_ranked(row, layout)])
    ]
    return f"Within the noise of repeated measurement: {', '.join(found)}." if found else ""


def _is_ranked(row: Row, layout: Layout) -> bool:
    return layout.rank_published or not row.quoted


def _too_close(column: Column, cells: Iterable[Cell]) -> bool:
    known = [float(cell.text) for cell in cells if cell.value is not None]
    higher = bool(column.higher_is_better)
    return bool(too_close(column.key, known, float, higher_is_better=higher))


def about_cell(
    comparison: Comparison,
    dataset: Dataset,
    metric: Metric,
    method: str,
    found: Mapping[Key, Estimate],
) -> str:
    """Return why a cell has no value although its column has some."""
    rows = comparison.failures
    failed = rows[(rows["dataset"] == dataset.id) & (rows["method"] == method)]
    mine = failed[failed["metric"].isin([metric.id, ""])]
    title = comparison.methods[method].title
    if len(mine):
        return f"{title}: {_failures(mine)}"
    if not any((dataset.id, metric.id, other) in found for other in comparison.methods):
        return f"{metric.title} on {dataset.title}: {_NOT_SHARED}"
    for run in comparison.runs:
        if metric.id in run.skipped:
            return f"not computed in {run.name}: {run.skipped[metric.id]}"
    return f"{title}: not computed"


def _failures(rows: pd.DataFrame) -> str:
    return f"{len(rows)} failed, the first: {short(str(rows['cause'].iloc[0]))}"


def short(cause: str) -> str:
    """Return the cause of something as the end of a footnote."""
    cause = cause.strip().rstrip(".")
    return cause if len(cause) <= _LONGEST else cause[:_LONGEST] + "..."
