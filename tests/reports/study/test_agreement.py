"""Krippendorff's alpha."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from reports.study.agreement import alpha

# Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", section C: four observers,
# twelve units; 0 is missing. He finds 0.743 for nominal values.
OBSERVERS = (
    (1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0),
    (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3),
    (0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0),
    (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0),
)


def table(observers: tuple[tuple[int, ...], ...]) -> np.ndarray:
    found = np.zeros((len(observers[0]), 5))
    for row in observers:
        for unit, value in enumerate(row):
            if value:
                found[unit, value - 1] += 1
    return found


def test_krippendorffs_own_example() -> None:
    assert alpha(table(OBSERVERS)) == pytest.approx(0.743, abs=5e-4)


def test_krippendorffs_binary_example() -> None:
    # The same paper, section A: two observers, ten units, alpha = 0.095.
    first = (0, 1, 0, 0, 0, 0, 0, 0, 1, 0)
    second = (1, 1, 1, 0, 0, 1, 0, 0, 0, 0)
    units = np.zeros((10, 2))
    for row in (first, second):
        units[np.arange(10), row] += 1
    assert alpha(units) == pytest.approx(0.095, abs=5e-4)


def test_it_is_one_less_the_ratio_of_disagreements_counted_pair_by_pair() -> None:
    units = np.random.default_rng(0).integers(0, 4, (20, 3)).astype(float)
    ratings = [[v for v, n in enumerate(unit) for _ in range(int(n))] for unit in units]
    ratings = [unit for unit in ratings if len(unit) > 1]
    everything = [value for unit in ratings for value in unit]
    n = len(everything)
    observed = sum(
        sum(a != b for a, b in permutations(unit, 2)) / (len(unit) - 1) for unit in ratings
    )
    expected = sum(a != b for a, b in permutations(everything, 2)) / (n - 1)
    assert alpha(units) == pytest.approx(1 - observed / expected, abs=1e-12)


def test_what_has_no_alpha_is_nan() -> None:
    assert np.isnan(alpha(np.array([[3.0, 0], [2, 0]])))
    assert np.isnan(alpha(np.array([[1.0, 0], [0, 1]])))
