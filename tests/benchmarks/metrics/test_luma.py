from __future__ import annotations

import numpy as np
import pytest
import torch
from pyiqa.utils.color_util import to_y_channel

from benchmarks.metrics.luma import Space, grey_levels, luma, luma_of_difference

_PYIQA: dict[Space, str] = {"y601": "ycbcr", "yiq": "yiq"}
# Weights of R, G, B in thousandths of a grey level, for values from 0 to 255.
_THOUSANDTHS: dict[Space, list[int]] = {
    "y601": [65_481, 128_553, 24_966],
    "yiq": [255 * 299, 255 * 587, 255 * 114],
}


def _colours(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, 1, 3)).astype(np.uint8)


def _tensor(image: np.ndarray) -> torch.Tensor:
    return (torch.from_numpy(image).float() / 255).permute(2, 0, 1)[None]


@pytest.mark.parametrize(("space", "weights"), _THOUSANDTHS.items())
def test_cpu_grey_levels_are_those_of_pyiqa_but_at_ties(space: Space, weights: list[int]) -> None:
    # At a tie the last bit decides, and with it whether pyiqa's matrix product fuses: that is
    # another answer on another CPU.
    image = _colours(40_000).reshape(200, 200, 3)
    expected = to_y_channel(_tensor(image), 255, _PYIQA[space])[0, 0].numpy()
    differ = grey_levels(image, space, "cpu") != expected
    distance = np.abs(image.astype(np.int64) @ np.array(weights) / 255_000 % 1 - 0.5)
    assert differ.sum() < 100
    assert np.all(distance[differ] < 1e-4)


def test_cpu_grey_levels_round_after_each_operation() -> None:
    image = _colours(20_000, seed=5)
    values = image[:, 0].astype(np.float32) / np.float32(255)
    r, g, b = (np.float32(w) * values[:, k] for k, w in enumerate((0.299, 0.587, 0.114)))
    expected = np.rint(((r + g) + b) * np.float32(255))
    assert np.array_equal(grey_levels(image, "yiq", "cpu")[:, 0], expected)


@pytest.mark.parametrize("space", ["y601", "yiq"])
def test_luma_is_that_of_pyiqa(space: Space) -> None:
    image = _colours(1000)
    expected = to_y_channel(_tensor(image), 1.0, _PYIQA[space])[0, 0].numpy()
    assert np.abs(luma(image, space) - expected).max() < 1e-6


def test_cuda_grey_levels_are_fused_multiply_adds_of_the_reciprocal() -> None:
    image = _colours(200_000, seed=1)
    wide = np.longdouble  # holds product and sum exactly, so each step rounds once
    values = image[:, 0].astype(np.float32) * np.float32(1 / 255)
    w = np.array([0.299, 0.587, 0.114], dtype=np.float32)
    total = values[:, 0] * w[0]
    for k in (1, 2):
        total = (wide(values[:, k]) * wide(w[k]) + wide(total)).astype(np.float32)
    expected = np.rint(total * np.float32(255))
    assert np.array_equal(grey_levels(image, "yiq", "cuda")[:, 0], expected)


def test_the_two_orders_part_only_at_ties() -> None:
    image = _colours(200_000, seed=2)
    differ = grey_levels(image, "yiq", "cuda") != grey_levels(image, "yiq", "cpu")
    exact = image.astype(np.int64) @ np.array([299, 587, 114])
    assert differ.any()
    assert np.all(exact[differ] % 1000 == 500)


def test_luma_of_a_difference_is_the_difference_of_luma() -> None:
    sr, hr = _colours(500, 3), _colours(500, 4)
    for space in _PYIQA:
        expected = luma(sr, space) - luma(hr, space)
        assert np.allclose(luma_of_difference(sr, hr, space), expected, atol=1e-14)


def test_ranges_of_both_conventions() -> None:
    black_and_white = np.array([[[0, 0, 0], [255, 255, 255]]], dtype=np.uint8)
    assert grey_levels(black_and_white, "y601").tolist() == [[16, 235]]
    assert grey_levels(black_and_white, "yiq").tolist() == [[0, 255]]
