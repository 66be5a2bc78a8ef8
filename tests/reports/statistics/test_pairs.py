"""Paired tests, against SciPy's, and on samples where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from reports.statistics.detectable import detectable_difference
from reports.statistics.pairs import holm, sign_flip_test


def test_of_few_images_it_is_scipys_exact_permutation_test() -> None:
    first, second = np.random.default_rng(1).standard_normal((2, 9, 4))
    second += 0.6
    theirs = stats.permutation_test(
        (first, second),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    )
    np.testing.assert_allclose(sign_flip_test(first - second, 0), theirs.pvalue, atol=1e-12)


def test_of_many_normal_values_it_is_students_test() -> None:
    differences = np.random.default_rng(2).standard_normal((80, 6)) + np.linspace(0, 0.4, 6)
    theirs = stats.ttest_1samp(differences, 0.0).pvalue
    np.testing.assert_allclose(sign_flip_test(differences, 0), theirs, atol=0.015)


def test_equal_methods_are_told_apart_in_five_per_cent() -> None:
    differences = np.random.default_rng(3).standard_normal((30, 4_000))
    p = sign_flip_test(differences, 0, n_flips=999)
    assert np.mean(p <= 0.05) == pytest.approx(0.05, abs=0.012)


def test_it_finds_the_detectable_difference_with_the_power_it_was_computed_for() -> None:
    n = 40
    effect = detectable_difference(1.0, n)
    differences = effect + np.random.default_rng(4).standard_normal((n, 4_000))
    p = sign_flip_test(differences, 0, n_flips=999)
    assert np.mean(p <= 0.05) == pytest.approx(0.80, abs=0.025)


def test_equal_means_are_equal_and_no_image_is_no_evidence() -> None:
    differences = np.array([[0.1, 0.0], [-0.3, 0.0], [0.2, 0.0]] * 10)
    assert sign_flip_test(differences, 0).tolist() == [1.0, 1.0]
    assert sign_flip_test(differences[:1], 0).tolist() == [1.0, 1.0]


def test_the_smallest_p_is_that_of_one_pattern() -> None:
    assert sign_flip_test(np.ones((10, 1)), 0).item() == 2 / 2**10
    assert sign_flip_test(np.ones((100, 1)), 0, n_flips=499).item() == 1 / 500


def test_holm_by_hand() -> None:
    adjusted = holm(np.array([0.010, 0.020, 0.005, 0.900]))
    assert adjusted.tolist() == pytest.approx([0.030, 0.040, 0.020, 0.900])
    assert holm(np.array([0.6, 0.5])).tolist() == [1.0, 1.0]
    assert holm(np.array([])).tolist() == []
