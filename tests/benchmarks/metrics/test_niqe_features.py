from __future__ import annotations

import numpy as np
import pytest
import torch
from pyiqa.archs.func_util import estimate_aggd_param, normalize_img_with_gauss
from pyiqa.archs.niqe_arch import compute_feature
from pyiqa.matlab_utils import blockproc, imresize

from benchmarks.metrics.niqe_features import (
    FEATURES,
    _table,
    block_features,
    half_size,
    normalised,
)


@pytest.fixture
def levels() -> np.ndarray:
    random = np.random.default_rng(0)
    y, x = np.mgrid[:192, :288]
    plane = 128 + 80 * np.sin(0.07 * x) * np.cos(0.05 * y) + random.normal(0, 8, x.shape)
    plane[:50, :60] = 255
    return np.clip(np.rint(plane), 0, 255)


def _tensor(plane: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(plane)[None, None]


def test_normalised_is_pyiqas_but_for_the_last_bit(levels: np.ndarray) -> None:
    expected = normalize_img_with_gauss(_tensor(levels), padding="replicate")[0, 0].numpy()
    assert np.abs(normalised(levels) - expected).max() < 1e-14


def test_half_size_on_a_cpu_is_pyiqas_to_the_last_bit(levels: np.ndarray) -> None:
    expected = imresize(_tensor(levels) / 255.0, scale=0.5, antialiasing=True) * 255.0
    assert np.array_equal(half_size(levels, "cpu"), expected[0, 0].numpy())


def test_half_size_on_a_gpu_differs_by_rounding_alone(levels: np.ndarray) -> None:
    difference = np.abs(half_size(levels, "cuda") - half_size(levels, "cpu"))
    assert 0 < difference.max() < 1e-4


def test_block_features_are_pyiqas(levels: np.ndarray) -> None:
    image = normalised(levels)
    expected = blockproc(_tensor(image), [96, 96], fun=compute_feature)[0].numpy()
    found = block_features(image, 96).reshape(2, 3, FEATURES).swapaxes(0, 1)
    assert np.abs(found.reshape(-1, FEATURES) - expected).max() < 1e-6


def test_shape_table_is_the_one_that_pyiqa_scans() -> None:
    shapes, ratios = _table()
    expected = torch.arange(0.2, 10 + 0.001, 0.001).double().numpy()
    assert np.abs(shapes - expected).max() < 1e-6
    assert np.all(np.diff(ratios) > 0)


def test_search_finds_what_the_scan_finds() -> None:
    from scipy.stats import gennorm

    for beta in (0.5, 1.0, 2.0, 4.0):
        block = gennorm.rvs(beta, size=(1, 96, 96), random_state=1)
        alpha, left, right = estimate_aggd_param(torch.from_numpy(block)[None])
        ours = block_features(block[0], 96)[0]
        assert ours[0] == pytest.approx(alpha.item(), abs=1e-6)
        assert ours[1] == pytest.approx((left + right).item() / 2, abs=1e-6)
        assert ours[0] == pytest.approx(beta, rel=0.1)
