"""Perception against distortion (Blau and Michaeli 2018): one metric of each, methods as points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from benchmarks.api.errors import DataError, UsageError
from benchmarks.results.directory import slug
from reports.figures.looks import Look, looks
from reports.figures.model import About, arrow
from reports.figures.points import Axis, Plane, Planes, clouds, refuse_lonely
from reports.figures.values import Values, headline, of_means

if TYPE_CHECKING:
    from reports.comparison import Comparison
    from reports.identity import Dataset, Metric


def scatter_figures(
    comparison: Comparison,
    metrics: tuple[str, ...] | None = None,
    styles: Mapping[str, Look] | None = None,
) -> tuple[Planes, ...]:
    """Return the figures of a comparison, one for each data set where two methods have both values.

    Args:
        comparison: what is compared.
        metrics: ids of the metrics along x and y; default: the first with values that needs a
            reference (distortion), and the first that does not (perception).
        styles: looks of its methods; default: by their order.

    Raises:
        UsageError: `metrics` are not two.
        DataError: there is nothing to compare.
    """
    values = Values(comparison)
    pair = _pair(values, metrics)
    x, y = (Axis(title=arrow(one), higher_is_better=one.higher_is_better) for one in pair)
    figures = []
    refused: list[str] = []
    for dataset in comparison.datasets.values():
        places = [values.of(dataset, metric) for metric in pair]
        every = clouds(comparison, places[0], places[1], styles or looks(comparison))
        plane = Plane(x=x, y=y, clouds=every)
        notes = tuple(note for metric in pair for note in values.notes(dataset, metric))
        if len(plane.points) > 1:
            about = _about(values, dataset, pair, notes)
            figures.append(Planes(about=about, planes=(plane,)))
        else:
            refused += notes
    refuse_lonely(figures, refused, " and ".join(metric.title for metric in pair))
    return tuple(figures)


def _pair(values: Values, metrics: tuple[str, ...] | None) -> tuple[Metric, Metric]:
    if metrics is not None:
        if len(metrics) != 2:
            raise UsageError(
                f"A scatter has two metrics, not {len(metrics)}.", "Say: --metrics psnr,niqe"
            )
        every = values.comparison.metrics
        return every[metrics[0]], every[metrics[1]]
    known = values.metrics()
    distortion = [metric for metric in known if metric.needs_reference and metric.level == "sample"]
    perception = [metric for metric in known if not metric.needs_reference]
    if not (distortion and perception):
        has = ", ".join(metric.title for metric in known) or "no metric"
        raise DataError(
            "A perception-distortion plot needs a metric with a reference and one without; "
            f"these runs have values of {has}.",
            "Name two metrics: --metrics psnr,lpips",
        )
    return distortion[0], perception[0]


def _about(
    values: Values, dataset: Dataset, pair: tuple[Metric, Metric], notes: tuple[str, ...]
) -> About:
    counts = [n for metric in pair for n in values.counts(dataset, metric)]
    return About(
        name=slug("-".join(["scatter", dataset.id, *(metric.name for metric in pair)])),
        title=headline(dataset, counts),
        caption=f"{pair[1].title} against {pair[0].title}; numbers beside points are sampling "
        f"steps. {of_means(values.comparison, dataset, counts)}",
        notes=notes,
    )
