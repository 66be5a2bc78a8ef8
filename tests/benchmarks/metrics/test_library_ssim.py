from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.metrics.library_ssim import SkimageSsim, TorchmetricsSsim
from benchmarks.metrics.luma import luma
from benchmarks.metrics.ssim import Ssim

Pair = tuple[np.ndarray, np.ndarray]


def test_skimage_gaussian_is_ours_with_negative_terms_kept(pair: Pair) -> None:
    sr, hr = pair
    theirs, ours = SkimageSsim("gaussian"), Ssim()
    (kept,) = theirs.score([sr], theirs.prepare(hr))
    (cut,) = ours.score([sr], ours.prepare(hr))
    assert kept <= cut + 1e-6
    assert kept == pytest.approx(cut, abs=0.05)


def test_skimage_windows_differ(pair: Pair) -> None:
    sr, hr = pair
    gaussian, uniform = SkimageSsim("gaussian"), SkimageSsim("uniform")
    assert gaussian.score([sr], gaussian.prepare(hr)) != uniform.score([sr], uniform.prepare(hr))


def test_torchmetrics_is_its_class_on_luma(pair: Pair) -> None:
    from torchmetrics.image import StructuralSimilarityIndexMeasure

    sr, hr = pair
    metric = TorchmetricsSsim("cpu")
    planes = [torch.from_numpy(luma(image, "y601").astype("float32"))[None, None] for image in pair]
    expected = StructuralSimilarityIndexMeasure(data_range=1.0)(*planes).item()
    assert metric.score([sr], metric.prepare(hr)) == [pytest.approx(expected, abs=1e-6)]
