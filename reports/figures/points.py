"""Methods as points between two quantities; and perception against distortion.

The latter is one metric of each kind, as in Blau and Michaeli 2018. `pareto` is the other user.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.api.errors import DataError, UsageError
from benchmarks.results.directory import slug
from reports.figures.looks import Look, families, looks
from reports.figures.model import About, Values, arrow, headline, of_means

if TYPE_CHECKING:
    from reports.comparison import Comparison
    from reports.figures.looks import Look
    from reports.identity import Dataset, Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One quantity."""

    title: str  # with its unit, or an arrow to where better values lie
    higher_is_better: bool
    is_logarithmic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One method."""

    title: str
    steps: int | None  # to be written beside it; None where its family has no second point
    x: float
    y: float
    label: str = ""  # to be written in the place of steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """The points of one family, by number of steps: they are joined by a line."""

    title: str
    look: Look
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """One panel."""

    x: Axis
    y: Axis
    clouds: tuple[Cloud, ...]
    front: tuple[Point, ...] = ()  # from left to right; empty where none is to be drawn

    @property
    def points(self) -> tuple[Point, ...]:
        """All methods."""
        return tuple(point for cloud in self.clouds for point in cloud.points)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planes:
    """The figure of one data set."""

    about: About
    planes: tuple[Plane, ...]


def clouds(
    comparison: Comparison,
    x: Mapping[str, float],
    y: Mapping[str, float],
    styles: Mapping[str, Look],
) -> tuple[Cloud, ...]:
    """Return the methods that have both values.

    Args:
        comparison: what is compared.
        x: method -> value.
        y: likewise.
        styles: method -> look.
    """
    found = []
    for family in families(comparison):
        known = [method for method in family.methods if method.key in x and method.key in y]
        several = len(known) > 1
        points = tuple(
            Point(
                title=method.title,
                steps=method.steps if several else None,
                x=x[method.key],
                y=y[method.key],
            )
            for method in known
        )
        if points:
            title = family.title if several else points[0].title
            found.append(Cloud(title=title, look=styles[known[0].key], points=points))
    return tuple(found)


def front_of(plane: Plane) -> tuple[Point, ...]:
    """Return the points that no other point beats in both directions, from left to right.

    Equal points are all on it, or none.
    """

    def beats(one: Point, other: Point) -> bool:
        a, b = _gains(plane, one), _gains(plane, other)
        return a != b and a[0] >= b[0] and a[1] >= b[1]

    every = plane.points
    front = [point for point in every if not any(beats(other, point) for other in every)]
    return tuple(sorted(front, key=lambda point: (point.x, point.y)))


def _gains(plane: Plane, point: Point) -> tuple[float, float]:
    return (
        point.x if plane.x.higher_is_better else -point.x,
        point.y if plane.y.higher_is_better else -point.y,
    )


def refuse_lonely(figures: Sequence[Planes], notes: Sequence[str], what: str) -> None:
    """Refuse figures with nothing to compare.

    Raises:
        DataError: no panel has two points.
    """
    if not figures:
        reasons = f" {notes[0]}" if notes else ""
        raise DataError(
            f"No data set has two methods with {what}.{reasons}",
            "Choose other --metrics, or add a method: mfsr-bench run --out RUN --methods METHOD",
        )


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
