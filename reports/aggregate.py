"""From values per image to one value per cell: means over the images that all methods share."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from benchmarks.results.frames import mean, shared

if TYPE_CHECKING:
    from reports.comparison import Comparison

K = TypeVar("K", bound=Hashable)
Key = tuple[str, str, str]  # (dataset, metric, method)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The value of one cell, unrounded, and the number of images it stands on."""

    value: float
    n: int


def estimates(comparison: Comparison) -> dict[Key, Estimate]:
    """Return every cell that has a value: means of sample metrics, set metrics as they are."""
    found = {
        (dataset, metric, method): Estimate(value=mean(values[method]), n=len(values))
        for dataset, metric, values in shared(comparison.scores)
        if len(values)
        for method in values.columns
    }
    rows = comparison.set_scores
    columns = (rows[name].tolist() for name in ("dataset", "metric", "method", "value", "n"))
    for dataset, metric, method, value, n in zip(*columns, strict=True):
        found[dataset, metric, method] = Estimate(value=value, n=n)
    return found


def ranks(values: Mapping[K, float], *, higher_is_better: bool) -> dict[K, int]:
    """Return the rank of each name, 1 for the best.

    Equal values share a rank, and the next different value has the next rank.

    >>> ranks({"a": 0.25, "b": 0.5, "c": 0.5, "d": 0.1}, higher_is_better=True)
    {'a': 2, 'b': 1, 'c': 1, 'd': 3}
    """
    order = sorted(set(values.values()), reverse=higher_is_better)
    return {name: order.index(value) + 1 for name, value in values.items()}
