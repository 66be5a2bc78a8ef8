"""Intervals of means, against Student's, SciPy's BCa, and samples from known distributions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from reports.statistics.intervals import FEWEST, mean_intervals


def test_of_normal_values_it_is_students_interval() -> None:
    values = np.random.default_rng(1).standard_normal((200, 3)) * [1, 5, 0.01] + [0, 30, 1]
    for column, (low, high) in zip(values.T, mean_intervals(values, 0), strict=True):
        error = column.std(ddof=1) / np.sqrt(len(column))
        expected = stats.t.interval(0.95, len(column) - 1, column.mean(), error)
        assert (low, high) == pytest.approx(expected, abs=0.15 * error)


def test_of_many_skewed_values_it_is_scipys_bca_interval() -> None:
    values = np.random.default_rng(2).gamma(2.0, size=400)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=4_000, method="BCa", rng=np.random.default_rng(3)
    )
    error = values.std(ddof=1) / np.sqrt(len(values))
    (ours,) = mean_intervals(values[:, None], 0)
    assert tuple(ours) == pytest.approx(tuple(theirs.confidence_interval), abs=0.15 * error)


@pytest.mark.parametrize("n", [17, 100])
def test_it_holds_the_true_mean_of_skewed_values_as_often_as_it_says(n: int) -> None:
    samples = np.random.default_rng(4).gamma(2.0, size=(n, 2_000))  # true mean 2
    low, high = mean_intervals(samples, 0, n_resamples=1_000).T
    assert np.mean((low <= 2) & (high >= 2)) == pytest.approx(0.95, abs=0.02)


def test_it_moves_and_scales_with_the_values() -> None:
    values = np.random.default_rng(5).gamma(2.0, size=(50, 1))
    expected = 10 + 3 * mean_intervals(values, 0)
    np.testing.assert_allclose(mean_intervals(10 + 3 * values, 0), expected, rtol=1e-9)


def test_it_depends_on_the_seed_and_on_its_own_column_alone() -> None:
    values = np.random.default_rng(6).gamma(2.0, size=(60, 4))
    every = mean_intervals(values, 0)
    np.testing.assert_allclose(mean_intervals(values[:, [2]], 0), every[[2]], rtol=1e-12)
    assert (mean_intervals(values, 1) != every).all()


def test_equal_values_have_an_interval_without_width() -> None:
    values = np.column_stack([np.full(10, 0.1), np.arange(10.0)])
    constant, spread = mean_intervals(values, 0)
    assert constant.tolist() == pytest.approx([0.1, 0.1])
    assert spread[0] < 4.5 < spread[1]


def test_too_few_images_have_none() -> None:
    assert np.isnan(mean_intervals(np.arange(FEWEST - 1.0)[:, None], 0)).all()
    assert np.isfinite(mean_intervals(np.arange(float(FEWEST))[:, None], 0)).all()
