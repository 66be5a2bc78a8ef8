"""Test pairs made by degradation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.api.images import sha256_pixels, write_png
from benchmarks.api.seeds import seed_for
from benchmarks.datasets.manifests import ManifestRow
from benchmarks.degradation.parameters import REAL_ESRGAN_X4, DegradationParameters
from benchmarks.degradation.pipeline import apply
from benchmarks.degradation.recipe import Recipe, draw

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.api.dataset import Side

# Real-ESRGAN sharpens the HR image before it degrades it, because it trains towards the sharpened
# one. A test set's LR image is made from the very image that results are compared with.
PARAMETERS = replace(REAL_ESRGAN_X4, sharpen=False)


def stream(seed: int, dataset: str, image: str, what: str) -> np.random.Generator:
    """Return one random stream of one image of a made set."""
    return np.random.default_rng(seed_for(seed, dataset, image, what))


def recipe_of(
    seed: int, dataset: str, image: str, parameters: DegradationParameters = PARAMETERS
) -> Recipe:
    """Return how the LR image of one image of a made set comes about."""
    return draw(parameters, stream(seed, dataset, image, "degradation"))


def write_pair(root: Path, image: str, hr: NDArray[np.uint8], recipe: Recipe) -> None:
    """Write one pair as `<root>/lr/<image>.png` and `<root>/hr/<image>.png`, each whole."""
    write_png(root / "hr" / f"{image}.png", hr)
    write_png(root / "lr" / f"{image}.png", apply(hr, recipe))


def pixel_row(side: Side, name: str, image: NDArray[np.uint8]) -> ManifestRow:
    """Return the manifest row of an image whose file may be encoded in any way."""
    height, width, _ = image.shape
    return ManifestRow(side, name, "", sha256_pixels(image), height, width)
