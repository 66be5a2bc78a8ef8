"""Power and detectable differences, against published values and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from reports.statistics.detectable import detectable, detectable_difference, power
from reports.statistics.model import ALPHA, PerImage


@pytest.mark.parametrize(("n", "effect"), [(199, 0.2), (34, 0.5), (15, 0.8)])
def test_it_is_the_table_of_cohen(n: int, effect: float) -> None:
    # Pairs that a two-sided t test at 5 % needs for 80 % power; one less is not enough.
    assert power(effect, sd=1.0, n=n) >= 0.80 > power(effect, sd=1.0, n=n - 1)


def test_without_a_difference_the_power_is_the_level() -> None:
    assert power(0.0, sd=1.0, n=20) == pytest.approx(0.05)
    assert power(-0.4, sd=1.0, n=20) == pytest.approx(power(0.4, sd=1.0, n=20))


def test_of_many_images_it_is_the_normal_formula() -> None:
    expected = 2.0 * (stats.norm.ppf(0.975) + stats.norm.ppf(0.80)) / np.sqrt(10_000)
    assert detectable_difference(2.0, 10_000) == pytest.approx(expected, rel=1e-3)
    assert detectable_difference(0.0, 10) == 0.0


@pytest.mark.parametrize(("n", "effect"), [(250, 0.652), (250, 0.5), (93, 1.5), (3000, 0.3)])
def test_it_is_a_number_where_the_other_tail_is_nothing(n: int, effect: float) -> None:
    for alpha in (0.05, 0.005, 0.05 / 30):
        assert 0.99 < power(effect, sd=1.0, n=n, alpha=alpha) <= 1.0


def column(values: np.ndarray) -> PerImage:
    n, k = values.shape
    return PerImage(
        dataset="realsr",
        metric="psnr@y601",
        methods=tuple(f"m{i}" for i in range(k)),
        images=tuple(f"i{i}" for i in range(n)),
        values=values,
    )


def test_a_column_is_judged_by_its_middle_pair_and_the_whole_table() -> None:
    scale = np.random.default_rng(1).standard_normal(50)
    values = np.column_stack([np.zeros(50), scale, 4 * scale])  # differences of 1, 3 and 4 scales
    first, second = detectable([column(values), column(values)])
    assert first.sd == pytest.approx(3 * scale.std(ddof=1))
    assert first.single == pytest.approx(detectable_difference(first.sd, 50))
    assert first.corrected == pytest.approx(detectable_difference(first.sd, 50, alpha=ALPHA / 6))
    assert first == second
    assert detectable([column(values[:, :1]), column(values[:1])]) == ()
