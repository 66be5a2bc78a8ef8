"""Intervals and tests of whole tables."""

from __future__ import annotations

import numpy as np
import pytest

from reports.statistics.model import ALPHA, PerImage, PerImages
from reports.statistics.uncertainty import uncertainty

HIGHER = {"psnr@y601": True, "lpips@alex": False}


def column(values: np.ndarray, metric: str = "psnr@y601", images: str = "i") -> PerImage:
    return PerImage(
        dataset="realsr",
        metric=metric,
        methods=tuple("abcdefgh"[: values.shape[1]]),
        images=tuple(f"{images}{i}" for i in range(len(values))),
        values=values,
    )


def methods(generator: np.random.Generator, *shifts: float, n: int = 60) -> np.ndarray:
    """Values of methods on the same images: they vary much, their differences little."""
    images = 3 * generator.standard_normal((n, 1))
    return images + generator.standard_normal((n, len(shifts))) * 0.5 + np.array(shifts)


def test_the_best_and_what_equals_it_stay_and_the_others_go() -> None:
    values = methods(np.random.default_rng(1), 25.0, 25.0, 24.0)
    found = uncertainty(PerImages(columns=(column(values),)), HIGHER)
    p = {method: found.p_values["realsr", "psnr@y601", method] for method in "abc"}
    best = "ab"[int(values.mean(axis=0)[:2].argmax())]
    assert p[best] == 1.0
    assert min(p["a"], p["b"]) > ALPHA > p["c"]
    low, high = found.intervals["realsr", "psnr@y601", "a"]
    assert low < values[:, 0].mean() < high
    assert found.tests == 3


def test_the_direction_of_a_metric_decides_which_is_best() -> None:
    values = methods(np.random.default_rng(2), 25.0, 24.0)
    columns = (column(values), column(values, "lpips@alex"))
    found = uncertainty(PerImages(columns=columns), HIGHER)
    assert found.p_values["realsr", "psnr@y601", "a"] == 1.0 > ALPHA
    assert found.p_values["realsr", "lpips@alex", "b"] == 1.0
    assert found.p_values["realsr", "lpips@alex", "a"] < ALPHA


def test_every_further_pair_of_the_table_counts_for_holm() -> None:
    values = methods(np.random.default_rng(3), 25.0, 24.65, n=40)
    alone = uncertainty(PerImages(columns=(column(values),)), HIGHER)
    equal = column(methods(np.random.default_rng(4), *[0.0] * 5, n=40), "lpips@alex")
    in_table = uncertainty(PerImages(columns=(column(values), equal)), HIGHER)
    key = ("realsr", "psnr@y601", "b")
    assert in_table.tests == 1 + 10
    assert in_table.p_values[key] == pytest.approx(11 * alone.p_values[key], rel=0.3)


def test_of_equal_methods_the_best_by_chance_beats_none_in_95_of_100_tables() -> None:
    generator = np.random.default_rng(5)
    wrong = 0
    for _ in range(200):
        known = PerImages(columns=(column(methods(generator, *[0.0] * 5, n=12)),))
        wrong += min(uncertainty(known, HIGHER).p_values.values()) <= ALPHA
    assert wrong / 200 <= 0.08  # 0.05 and three standard errors would be 0.096


def test_columns_on_other_images_are_resampled_apart() -> None:
    generator = np.random.default_rng(6)
    first = column(methods(generator, 1.0, 2.0))
    other = column(methods(generator, 1.0, 2.0, n=30), "lpips@alex", images="j")
    both = uncertainty(PerImages(columns=(first, other)), HIGHER)
    alone = uncertainty(PerImages(columns=(first,)), HIGHER)
    for key, interval in alone.intervals.items():
        assert both.intervals[key] == pytest.approx(interval)
    assert len(both.intervals) == 4


def test_few_images_one_method_and_no_values_are_said() -> None:
    few = column(methods(np.random.default_rng(7), 1.0, 2.0, n=4))
    found = uncertainty(
        PerImages(columns=(few,), lacking={("realsr", "fid@clean"): "no features"}), HIGHER
    )
    assert not found.intervals
    assert found.lacking == {
        ("realsr", "psnr@y601"): "no interval of fewer than 5 images",
        ("realsr", "fid@clean"): "no features",
    }
    single = column(methods(np.random.default_rng(8), 1.0))
    assert not uncertainty(PerImages(columns=(single,)), HIGHER).p_values
    assert not uncertainty(PerImages(), HIGHER).p_values
