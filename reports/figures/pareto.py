"""Quality against latency, with the methods that no other one beats in both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.results.directory import slug
from reports.figures.looks import Look, looks
from reports.figures.model import About, arrow
from reports.figures.points import Axis, Plane, Planes, clouds, front_of, refuse_lonely
from reports.figures.values import Values, headline, of_means

if TYPE_CHECKING:
    from reports.comparison import Comparison
    from reports.figures.latency import Latency
    from reports.identity import Dataset, Metric

_LOGARITHMIC_FROM = 8  # times the shortest latency


def pareto_figures(
    comparison: Comparison,
    latency: Callable[[Dataset], Latency],
    styles: Mapping[str, Look] | None = None,
) -> tuple[Planes, ...]:
    """Return the figures of a comparison, one for each data set where two methods can be placed.

    Args:
        comparison: what is compared; all its metrics become panels.
        latency: data set -> seconds per image.
        styles: looks of its methods; default: by their order.

    Raises:
        DataError: there is nothing to compare.
    """
    values = Values(comparison)
    styles = styles or looks(comparison)
    figures: list[Planes] = []
    refused: list[str] = []
    for dataset in comparison.datasets.values():
        times = latency(dataset)
        notes = [*times.notes, *_about_untimed(comparison, dataset, times)]
        drawn: list[tuple[Metric, Plane]] = []
        for metric in comparison.metrics.values():
            plane = _plane(values, dataset, metric, times, styles)
            notes += values.notes(dataset, metric)
            if len(plane.points) > 1:
                drawn.append((metric, plane))
        if drawn:
            metrics = tuple(metric for metric, _ in drawn)
            about = _about(values, dataset, metrics, times, tuple(notes))
            figures.append(Planes(about=about, planes=tuple(plane for _, plane in drawn)))
        else:
            refused += notes
    refuse_lonely(figures, refused, "a latency and a value of one metric")
    return tuple(figures)


def _plane(
    values: Values,
    dataset: Dataset,
    metric: Metric,
    times: Latency,
    styles: Mapping[str, Look],
) -> Plane:
    every = clouds(values.comparison, times.seconds, values.of(dataset, metric), styles)
    seconds = [point.x for cloud in every for point in cloud.points]
    wide = bool(seconds) and max(seconds) > _LOGARITHMIC_FROM * min(seconds) > 0
    plane = Plane(
        x=Axis(title="seconds per image ↓", higher_is_better=False, is_logarithmic=wide),
        y=Axis(title=arrow(metric), higher_is_better=metric.higher_is_better),
        clouds=every,
    )
    return replace(plane, front=front_of(plane))


def _about(
    values: Values,
    dataset: Dataset,
    metrics: tuple[Metric, ...],
    times: Latency,
    notes: tuple[str, ...],
) -> About:
    counts = [n for metric in metrics for n in values.counts(dataset, metric)]
    return About(
        name=f"pareto-{slug(dataset.id)}",
        title=headline(dataset, counts),
        caption="Quality against latency. Grey: the methods that no other one beats in both; "
        f"numbers beside points are sampling steps. {times.source} "
        f"{of_means(values.comparison, dataset, counts)}",
        notes=notes,
    )


def _about_untimed(comparison: Comparison, dataset: Dataset, times: Latency) -> tuple[str, ...]:
    lacking = [
        method.title
        for key, method in comparison.methods.items()
        if key not in times.seconds and key not in times.explained
    ]
    return (f"{dataset.title}: no times of {', '.join(lacking)}.",) if lacking else ()
