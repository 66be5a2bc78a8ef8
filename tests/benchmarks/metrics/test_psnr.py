from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from pyiqa.archs.psnr_arch import PSNR
from skimage.metrics import peak_signal_noise_ratio

from benchmarks.metrics.luma import grey_levels
from benchmarks.metrics.psnr import Channels, Psnr, psnr

Pair = tuple[np.ndarray, np.ndarray]


def _tensor(image: np.ndarray) -> torch.Tensor:
    return (torch.from_numpy(image).float() / 255).permute(2, 0, 1)[None]


@pytest.mark.parametrize(
    ("channels", "options"),
    [
        ("y601", {"test_y_channel": True, "color_space": "ycbcr"}),
        ("yiq", {"test_y_channel": True, "color_space": "yiq"}),
        ("rgb", {"test_y_channel": False}),
    ],
)
@pytest.mark.parametrize("crop", [0, 4])
def test_agrees_with_pyiqa(
    pair: Pair, channels: Channels, options: dict[str, object], crop: int
) -> None:
    sr, hr = pair
    expected = PSNR(crop_border=crop, **options)(_tensor(sr), _tensor(hr)).item()
    assert psnr(sr, hr, channels, crop) == pytest.approx(expected, abs=1e-5)


def test_rgb_agrees_with_scikit_image(pair: Pair) -> None:
    sr, hr = pair
    assert psnr(sr, hr, "rgb") == pytest.approx(peak_signal_noise_ratio(hr, sr), abs=1e-4)


def test_rounded_luma_agrees_with_scikit_image(pair: Pair) -> None:
    sr, hr = pair
    levels = [grey_levels(image, "y601") for image in (hr, sr)]
    expected = peak_signal_noise_ratio(*levels, data_range=255)
    assert psnr(sr, hr, "y601-rounded") == pytest.approx(expected, abs=1e-4)


def test_yiq_is_1_3219_decibels_below_studio_range(pair: Pair) -> None:
    sr, hr = pair
    gap = psnr(sr, hr, "y601") - psnr(sr, hr, "yiq")
    assert gap == pytest.approx(20 * math.log10(255 / 219), abs=1e-4)


def test_identical_images_have_80_decibels(pair: Pair) -> None:
    _, hr = pair
    for channels in ("y601", "y601-rounded", "yiq", "rgb"):
        assert psnr(hr, hr, channels) == pytest.approx(80.0)


def test_a_constant_difference_has_its_closed_form() -> None:
    hr = np.full((16, 16, 3), 100, dtype=np.uint8)
    expected = -10 * math.log10((10 / 255) ** 2 + 1e-8)
    assert psnr(hr + np.uint8(10), hr, "rgb") == pytest.approx(expected)


def test_several_images_score_as_each_alone(pair: Pair) -> None:
    sr, hr = pair
    metric = Psnr()
    assert metric.score([sr, hr], metric.prepare(hr)) == [psnr(sr, hr), psnr(hr, hr)]
