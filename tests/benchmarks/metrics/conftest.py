"""Images with structure, made from a seed, and a NIQE model that needs no download."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

Image = NDArray[np.uint8]
MakeImage = Callable[..., Image]


def _photo_like(height: int, width: int, seed: int) -> Image:
    """Gradients, edges and texture: every block of it has contrast."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    channels = []
    for _ in range(3):
        a, b, c = random.uniform(0.02, 0.3, 3)
        smooth = 90 * np.sin(a * x + c) * np.cos(b * y) + 30 * np.sign(np.sin(0.11 * (x + y)))
        channels.append(smooth + 128 + random.normal(0, 9, (height, width)))
    return np.clip(np.rint(np.stack(channels, -1)), 0, 255).astype(np.uint8)


def _blurred_noisy(image: Image, seed: int) -> Image:
    random = np.random.default_rng(seed)
    smooth = (image.astype(float) + np.roll(image, 1, 0) + np.roll(image, 1, 1)) / 3
    return np.clip(np.rint(smooth + random.normal(0, 4, image.shape)), 0, 255).astype(np.uint8)


@pytest.fixture
def make_image() -> MakeImage:
    """Return a function (height, width, seed) -> image."""

    def make(height: int = 64, width: int = 80, seed: int = 0) -> Image:
        return _photo_like(height, width, seed)

    return make


@pytest.fixture
def degrade() -> Callable[[Image, int], Image]:
    """Return a function (image, seed) -> a worse image of the same scene."""
    return _blurred_noisy


@pytest.fixture
def pair(make_image: MakeImage, degrade: Callable[[Image, int], Image]) -> tuple[Image, Image]:
    """Return (sr, hr) of 80 x 64 pixels."""
    hr = make_image(64, 80, 1)
    return degrade(hr, 2), hr


@pytest.fixture
def niqe_mat(tmp_path: Path) -> Path:
    """Return a model file with a plausible mean and a random positive definite covariance."""
    from scipy.io import savemat

    random = np.random.default_rng(3)
    root = random.normal(0, 0.3, (36, 36))
    path = tmp_path / "niqe_matlab_params.mat"
    savemat(
        path,
        {
            "mu_prisparam": random.uniform(0.1, 1.5, (1, 36)),
            "cov_prisparam": root @ root.T + 0.05 * np.eye(36),
        },
    )
    return path
