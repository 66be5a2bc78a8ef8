"""Intervals and tests for the cells of a table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.api.seeds import seed_for
from reports.statistics.intervals import FEWEST, mean_intervals
from reports.statistics.model import Uncertainty
from reports.statistics.pairs import flips_for, holm, sign_flip_test

if TYPE_CHECKING:
    from reports.aggregate import Key
    from reports.statistics.model import PerImage, PerImages

SEED = 0


def uncertainty(known: PerImages, higher_is_better: Mapping[str, bool]) -> Uncertainty:
    """Return intervals and tests of one table.

    All pairs of methods in a column count for Holm's correction, not only those with the best:
    which one is the best was seen in the same data.

    Args:
        known: the columns of the table, one per metric and data set.
        higher_is_better: metric -> direction.
    """
    columns = known.columns
    few = {
        (one.dataset, one.metric): f"no interval of fewer than {FEWEST} images"
        for one in columns
        if one.n < FEWEST
    }
    return Uncertainty(
        intervals=_intervals(columns),
        p_values=_p_values(columns, higher_is_better),
        tests=sum(len(one.pairs()) for one in columns),
        lacking={**known.lacking, **few},
    )


def _intervals(columns: Iterable[PerImage]) -> dict[Key, tuple[float, float]]:
    found = {}
    for dataset, group in _on_same_images(columns):
        values = np.concatenate([one.values for one in group], axis=1)
        keys = [(dataset, one.metric, method) for one in group for method in one.methods]
        bounds = mean_intervals(values, seed_for(SEED, "bootstrap", dataset))
        for key, (low, high) in zip(keys, bounds.tolist(), strict=True):
            if math.isfinite(low):
                found[key] = (low, high)
    return found


def _on_same_images(columns: Iterable[PerImage]) -> list[tuple[str, list[PerImage]]]:
    """Return the columns of a data set together that stand on the same images."""
    groups: dict[tuple[str, tuple[str, ...]], list[PerImage]] = {}
    for one in columns:
        groups.setdefault((one.dataset, one.images), []).append(one)
    return [(dataset, group) for (dataset, _), group in groups.items()]


def _p_values(
    columns: Sequence[PerImage], higher_is_better: Mapping[str, bool]
) -> dict[Key, float]:
    tests = sum(len(one.pairs()) for one in columns)
    raw: list[float] = []
    keys: list[tuple[PerImage, tuple[int, int]]] = []
    for dataset, group in _on_same_images(columns):
        differences = np.concatenate([one.differences() for one in group], axis=1)
        seed = seed_for(SEED, "sign flips", dataset)
        raw += sign_flip_test(differences, seed, n_flips=flips_for(tests)).tolist()
        keys += [(one, pair) for one in group for pair in one.pairs()]
    adjusted = holm(np.array(raw)).tolist()
    best = {id(one): _best(one, higher_is_better[one.metric]) for one in columns}
    found = {
        (one.dataset, one.metric, one.methods[best[id(one)]]): 1.0
        for one in columns
        if len(one.methods) > 1
    }
    for (one, pair), p in zip(keys, adjusted, strict=True):
        if best[id(one)] in pair:
            other = pair[0] if pair[1] == best[id(one)] else pair[1]
            found[one.dataset, one.metric, one.methods[other]] = p
    return found


def _best(one: PerImage, higher: bool) -> int:
    means = one.values.mean(axis=0)
    return int(means.argmax() if higher else means.argmin())
