"""Methods as points between two quantities: what the scatter and the latency plot share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.api.errors import DataError
from reports.figures.families import families

if TYPE_CHECKING:
    from reports.comparison import Comparison
    from reports.figures.looks import Look
    from reports.figures.model import About


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
