"""A metric against the number of sampling steps, as in Figure 5 of the MFSR paper."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.api.errors import DataError
from benchmarks.results.directory import slug
from reports.figures.looks import Look, families, looks
from reports.figures.model import About, Values, headline, of_means

if TYPE_CHECKING:
    from reports.comparison import Comparison
    from reports.identity import Dataset, Metric

_LOGARITHMIC_FROM = 10  # times the fewest steps


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
    if not any(family.is_sweep for family in families(comparison)):
        names = ", ".join(method.title for method in comparison.methods.values())
        raise DataError(
            f"No method was run with two numbers of steps: {names}.",
            "Add some: mfsr-bench run --out RUN --methods mfsr@1,mfsr@2,mfsr@4 (and --datasets)",
        )
    values = Values(comparison)
    figures = tuple(_figures(values, styles or looks(comparison)))
    if not figures:
        raise DataError(
            "No metric has values at two numbers of steps.",
            f"Its failures are in RUN/failures.csv. {comparison.finish}",
        )
    return figures


def _figures(values: Values, styles: Mapping[str, Look]) -> Iterator[Steps]:
    comparison = values.comparison
    for dataset in comparison.datasets.values():
        panels: list[Panel] = []
        notes: list[str] = []
        for metric in comparison.metrics.values():
            panel = _panel(values, dataset, metric, styles)
            notes += values.notes(dataset, metric)
            if panel.lines:
                panels.append(panel)
            elif panel.levels:
                where = f"{dataset.title}, {metric.title}"
                notes.append(f"{where}: no method has values at two numbers of steps.")
        if panels:
            yield Steps(about=_about(values, dataset, panels, tuple(notes)), panels=tuple(panels))


def _about(
    values: Values, dataset: Dataset, panels: Sequence[Panel], notes: tuple[str, ...]
) -> About:
    counts = [n for panel in panels for n in values.counts(dataset, panel.metric)]
    dashed = " Dashed: methods with a single number of steps, or none."
    return About(
        name=f"steps-{slug(dataset.id)}",
        title=headline(dataset, counts),
        caption="Values against the number of sampling steps. "
        + of_means(values.comparison, dataset, counts)
        + dashed * any(panel.levels for panel in panels),
        notes=notes,
    )


def _panel(values: Values, dataset: Dataset, metric: Metric, styles: Mapping[str, Look]) -> Panel:
    found = values.of(dataset, metric)
    lines, levels = [], []
    for family in families(values.comparison):
        known = [method for method in family.methods if method.key in found]
        look = styles[family.methods[0].key]
        heights = tuple(found[method.key] for method in known)
        if len(known) > 1:
            steps = tuple(method.steps or 0 for method in known)
            lines.append(Line(title=family.title, look=look, steps=steps, values=heights))
        elif known:
            levels.append(Level(title=known[0].title, look=look, value=heights[0]))
    return Panel(metric=metric, lines=tuple(lines), levels=tuple(levels))
