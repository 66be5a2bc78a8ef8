"""A metric against the number of sampling steps, as in Figure 5 of the MFSR paper."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.api.errors import DataError
from benchmarks.results.directory import slug
from reports.aggregate import Estimate, Key, estimates
from reports.comparison import compare
from reports.figures.families import Family, families
from reports.figures.looks import Look, looks
from reports.figures.model import About, about_absence, about_n, headline, of_means

if TYPE_CHECKING:
    from benchmarks.results.rows import RunResults
    from reports.comparison import Comparison
    from reports.identity import Dataset, Metric

_LOGARITHMIC_FROM = 10  # times the fewest steps
_NARROW = 0.07  # of the axis; numbers that are closer together overlap


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One method with several numbers of steps."""

    title: str
    look: Look
    steps: tuple[int, ...]  # ascending
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One method that has a single value: other numbers of steps were not run, or mean nothing."""

    title: str
    look: Look
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One metric."""

    metric: Metric
    n: int  # images behind every value
    lines: tuple[Line, ...]
    levels: tuple[Level, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The figure of one data set."""

    about: About
    panels: tuple[Panel, ...]

    @property
    def all_steps(self) -> tuple[int, ...]:
        """Every number of steps that has a value, ascending."""
        return tuple(
            sorted({step for one in self.panels for line in one.lines for step in line.steps})
        )

    @property
    def is_logarithmic(self) -> bool:
        """Whether steps span too much for a linear axis."""
        every = self.all_steps
        return every[-1] > _LOGARITHMIC_FROM * every[0]


def steps_figures(
    comparison: Comparison, styles: Mapping[str, Look] | None = None
) -> tuple[Steps, ...]:
    """Return the figures of a comparison, one for each data set that has a sweep.

    Args:
        comparison: what is compared; all its metrics become panels.
        styles: looks of its methods; default: by their order.

    Raises:
        DataError: no method has values at two numbers of steps.
    """
    found = estimates(comparison)
    styles = styles or looks(comparison)
    if not any(family.is_sweep for family in families(comparison)):
        names = ", ".join(method.title for method in comparison.methods.values())
        raise DataError(
            f"No method was run with two numbers of steps: {names}.",
            "Add some: mfsr-bench run --out RUN --methods mfsr@1,mfsr@2,mfsr@4 (and --datasets)",
        )
    figures = tuple(_figures(comparison, found, styles))
    if not figures:
        raise DataError(
            "No metric has values at two numbers of steps.",
            "Finish the run: mfsr-bench run --out RUN; its failures: RUN/failures.csv",
        )
    return figures


def _figures(
    comparison: Comparison, found: Mapping[Key, Estimate], styles: Mapping[str, Look]
) -> Iterator[Steps]:
    for dataset in comparison.datasets.values():
        panels, notes = [], []
        for metric in comparison.metrics.values():
            panel, said = _panel(comparison, dataset, metric, found, styles)
            panels += [panel] if panel else []
            notes += said
        if panels:
            counts = [panel.n for panel in panels]
            caption = [
                "Values against the number of sampling steps.",
                of_means(comparison, dataset, counts),
            ]
            if any(panel.levels for panel in panels):
                caption.append("Dashed: methods with a single number of steps, or none.")
            about = About(
                name=f"steps-{slug(dataset.id)}",
                title=headline(dataset, counts),
                caption=" ".join(caption),
                notes=tuple(notes),
            )
            yield Steps(about=about, panels=tuple(panels))


def _panel(
    comparison: Comparison,
    dataset: Dataset,
    metric: Metric,
    found: Mapping[Key, Estimate],
    styles: Mapping[str, Look],
) -> tuple[Panel | None, list[str]]:
    """Return one panel, or None, and what there is to say about what is not in it."""
    lines, levels = [], []
    notes: list[str] = []
    counts: set[int] = set()
    for family in families(comparison):
        known = [
            (method, found[dataset.id, metric.id, method.key])
            for method in family.methods
            if (dataset.id, metric.id, method.key) in found
        ]
        counts.update(one.n for _, one in known)
        look = styles[family.methods[0].key]
        values = tuple(one.value for _, one in known)
        if len(known) > 1:
            steps = tuple(method.steps or 0 for method, _ in known)
            lines.append(Line(title=family.title, look=look, steps=steps, values=values))
        elif known:
            levels.append(Level(title=known[0][0].title, look=look, value=values[0]))
        notes += _about_lacking(dataset, metric, family, [method.key for method, _ in known])
    if not counts:
        return None, [about_absence(comparison, dataset, metric)]
    if not lines:
        where = f"{dataset.title}, {metric.title}"
        return None, [f"{where}: no method has values at two numbers of steps."]
    notes = [*about_n(dataset, metric, min(counts)), *notes]
    panel = Panel(metric=metric, n=min(counts), lines=tuple(lines), levels=tuple(levels))
    return panel, notes


def _about_lacking(
    dataset: Dataset, metric: Metric, family: Family, known: Sequence[str]
) -> Iterator[str]:
    lacking = [method.title for method in family.methods if method.key not in known]
    if lacking:
        yield f"{dataset.title}, {metric.title}: no value of {', '.join(lacking)}."


def readable(steps: Sequence[int], *, logarithmic: bool) -> tuple[int, ...]:
    """Return those numbers of steps that have room for their label on a narrow axis.

    >>> readable(range(1, 11), logarithmic=False)
    (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
    >>> readable([1, 2, 4, 8, 9, 10, 40], logarithmic=True)
    (1, 2, 4, 8, 40)
    """
    from math import log

    def place(step: int) -> float:
        return log(step) if logarithmic else float(step)

    low, high = place(steps[0]), place(steps[-1])
    chosen: list[int] = []
    for step in steps:
        last = place(step) == high
        if chosen and (place(step) - place(chosen[-1])) < _NARROW * (high - low):
            if not last:
                continue
            chosen.pop()  # the ends of the axis are always named
        chosen.append(step)
    return tuple(chosen)


def steps(results: RunResults, out: Path) -> list[Path]:
    """Write the step sweeps of one run into a folder: PNG, PDF and SVG for each data set.

    Returns:
        The files.

    Raises:
        DataError: no method has values at two numbers of steps.
        ResourceError: the disk is full.
    """
    from reports.figures.drawing.files import write
    from reports.figures.drawing.steps import draw

    return [file for one in steps_figures(compare([results])) for file in write(draw, one, out)]
