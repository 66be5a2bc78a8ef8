"""The values per image behind the means: violins, boxes and points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.api.errors import DataError
from benchmarks.results.directory import slug
from reports.figures.looks import Look, looks
from reports.figures.model import About, Values, headline, of_means
from reports.statistics.per_image import samples_per_image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reports.comparison import Comparison
    from reports.identity import Dataset, Metric
    from reports.statistics.model import PerImage

_WHISKER = 1.5  # interquartile ranges (Tukey 1977)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spread:
    """The values of one method."""

    title: str
    look: Look
    values: NDArray[np.float64]  # (n,), one per image, ascending
    mean: float
    quartiles: tuple[float, float, float]
    whiskers: tuple[float, float]  # the outermost values within 1.5 interquartile ranges of the box


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One metric."""

    metric: Metric
    spreads: tuple[Spread, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Distributions:
    """The figure of one data set."""

    about: About
    panels: tuple[Panel, ...]


def distribution_figures(
    comparison: Comparison, styles: Mapping[str, Look] | None = None
) -> tuple[Distributions, ...]:
    """Return the figures of a comparison, one for each data set with values per image.

    Args:
        comparison: what is compared; all its metrics become panels but those of whole sets.
        styles: looks of its methods; default: by their order.

    Raises:
        DataError: no metric has values per image.
    """
    values = Values(comparison)
    styles = styles or looks(comparison)
    known = {(one.dataset, one.metric): one for one in samples_per_image(comparison)}
    figures = []
    refused: list[str] = []
    for dataset in comparison.datasets.values():
        panels = tuple(
            _panel(comparison, metric, known[dataset.id, metric.id], styles)
            for metric in comparison.metrics.values()
            if (dataset.id, metric.id) in known
        )
        notes = tuple(
            note
            for metric in comparison.metrics.values()
            for note in _notes(values, dataset, metric)
        )
        if panels:
            figures.append(
                Distributions(about=_about(values, dataset, panels, notes), panels=panels)
            )
        else:
            refused += notes
    if not figures:
        raise DataError(
            f"There are no values per image to draw. {' '.join(refused[:1])}".strip(),
            f"Choose other --metrics, or finish the run. {comparison.finish}",
        )
    return tuple(figures)


def _notes(values: Values, dataset: Dataset, metric: Metric) -> tuple[str, ...]:
    if metric.level == "set" and values.of(dataset, metric):
        return (
            f"{dataset.title}, {metric.title}: a metric of a whole set has no values per image.",
        )
    return values.notes(dataset, metric)


def _panel(
    comparison: Comparison, metric: Metric, known: PerImage, styles: Mapping[str, Look]
) -> Panel:
    columns = dict(zip(known.methods, known.values.T, strict=True))
    return Panel(
        metric=metric,
        spreads=tuple(
            _spread(method.title, styles[key], columns[key])
            for key, method in comparison.methods.items()
            if key in columns
        ),
    )


def _spread(title: str, look: Look, values: NDArray[np.float64]) -> Spread:
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75)).tolist()
    reach = _WHISKER * (high - low)
    within = values[(values >= low - reach) & (values <= high + reach)]
    return Spread(
        title=title,
        look=look,
        values=np.sort(values),
        mean=float(values.mean()),
        quartiles=(low, middle, high),
        whiskers=(float(within.min()), float(within.max())),
    )


def _about(
    values: Values, dataset: Dataset, panels: tuple[Panel, ...], notes: tuple[str, ...]
) -> About:
    counts = [len(panel.spreads[0].values) for panel in panels]
    return About(
        name=f"distributions-{slug(dataset.id)}",
        title=headline(dataset, counts),
        caption="Values per image. Boxes: quartiles, with whiskers to the outermost value within "
        "1.5 interquartile ranges; large markers: means. "
        + of_means(values.comparison, dataset, counts),
        notes=notes,
    )
