from __future__ import annotations

import numpy as np
import pytest
import torch
from pyiqa.archs.ssim_arch import SSIM
from skimage.metrics import structural_similarity

from benchmarks.metrics.luma import grey_levels
from benchmarks.metrics.ssim import Channels, Ssim

Pair = tuple[np.ndarray, np.ndarray]


def _tensor(image: np.ndarray) -> torch.Tensor:
    return (torch.from_numpy(image).float() / 255).permute(2, 0, 1)[None]


def _ssim(sr: np.ndarray, hr: np.ndarray, channels: Channels = "y601", crop: int = 0) -> float:
    metric = Ssim(channels, crop, "cpu")
    (value,) = metric.score([sr], metric.prepare(hr))
    return value


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
    expected = SSIM(crop_border=crop, **options)(_tensor(sr), _tensor(hr)).item()
    # Luma of YIQ is in whole grey levels; which way its ties go is a processor's last bit.
    tolerance = 1e-5 if channels == "yiq" else 5e-7
    assert _ssim(sr, hr, channels, crop) == pytest.approx(expected, abs=tolerance)


def test_flat_areas_agree_with_pyiqa(pair: Pair) -> None:
    sr, hr = (image.copy() for image in pair)
    hr[:40, :40] = 255
    sr[:40, :40] = 254
    network = SSIM(test_y_channel=True, color_space="ycbcr")
    assert _ssim(sr, hr) == pytest.approx(network(_tensor(sr), _tensor(hr)).item(), abs=5e-7)


def test_agrees_with_scikit_image_where_no_term_is_negative(pair: Pair) -> None:
    _, hr = pair
    sr = np.clip(hr.astype(int) + np.arange(80)[None, :, None] // 16, 0, 255).astype(np.uint8)
    expected = structural_similarity(
        grey_levels(sr, "y601"),
        grey_levels(hr, "y601"),
        data_range=255,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert _ssim(sr, hr) == pytest.approx(expected, abs=1e-6)


def test_negative_structure_counts_as_zero(pair: Pair) -> None:
    _, hr = pair
    assert _ssim(255 - hr, hr) == pytest.approx(0, abs=0.02)
    levels = [grey_levels(image, "y601") for image in (255 - hr, hr)]
    assert structural_similarity(*levels, data_range=255) < -0.5


def test_identical_images_have_one(pair: Pair) -> None:
    _, hr = pair
    assert _ssim(hr, hr) == pytest.approx(1.0)
    flat = np.full((32, 32, 3), 77, dtype=np.uint8)
    assert _ssim(flat, flat) == pytest.approx(1.0)


def test_several_images_score_as_each_alone(pair: Pair) -> None:
    sr, hr = pair
    metric = Ssim(arithmetic="cpu")
    assert metric.score([sr, hr], metric.prepare(hr)) == [_ssim(sr, hr), _ssim(hr, hr)]
