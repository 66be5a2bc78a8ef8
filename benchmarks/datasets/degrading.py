"""Test pairs made by degradation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

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


class Making(Protocol):
    """How the pairs of one set come about."""

    def conditions(self) -> dict[str, Any]:
        """Return what decides them beside the originals, as plain data."""
        ...

    def corner(self, image: str, room: tuple[int, int]) -> tuple[int, int]:
        """Return (top, left) of an image's crop, each of 0 to `room`."""
        ...

    def recipe(self, image: str) -> dict[str, Any]:
        """Return what its degradation depends on, as plain data."""
        ...

    def degrade(self, image: str, hr: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the LR image of a crop."""
        ...


@dataclass(frozen=True, slots=True)
class RealESRGAN:
    """A random crop, degraded as in Real-ESRGAN; a seed draws both."""

    dataset: str
    seed: int

    def conditions(self) -> dict[str, Any]:
        """Return seed and parameters."""
        return {"seed": self.seed, "parameters": PARAMETERS.as_json()}

    def corner(self, image: str, room: tuple[int, int]) -> tuple[int, int]:
        """Return (top, left), drawn."""
        rng = stream(self.seed, self.dataset, image, "crop")
        return int(rng.integers(room[0] + 1)), int(rng.integers(room[1] + 1))

    def recipe(self, image: str) -> dict[str, Any]:
        """Return the parameters that are drawn for an image."""
        return recipe_of(self.seed, self.dataset, image).as_json()

    def degrade(self, image: str, hr: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the LR image of a crop."""
        return apply(hr, recipe_of(self.seed, self.dataset, image))


class Bicubic:
    """The central crop, reduced by PyTorch's antialiased bicubic filter."""

    def conditions(self) -> dict[str, Any]:
        """Return the filter."""
        return {"filter": "torch bicubic antialias, 1/4, rounded to 8 bits"}

    def corner(self, image: str, room: tuple[int, int]) -> tuple[int, int]:
        """Return (top, left) of the middle, of an odd room the one above."""
        return room[0] // 2, room[1] // 2

    def recipe(self, image: str) -> dict[str, Any]:
        """Return nothing: all images are treated alike."""
        return {}

    def degrade(self, image: str, hr: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the LR image of a crop; computed in float64, where rounding has few ties."""
        import torch
        import torch.nn.functional as F

        pixels = torch.from_numpy(hr).permute(2, 0, 1)[None].double()
        lr = F.interpolate(pixels, scale_factor=0.25, mode="bicubic", antialias=True)
        found: NDArray[np.uint8] = lr[0].round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
        return np.ascontiguousarray(found)


def write_pair(root: Path, image: str, hr: NDArray[np.uint8], lr: NDArray[np.uint8]) -> None:
    """Write one pair as `<root>/lr/<image>.png` and `<root>/hr/<image>.png`, each whole."""
    write_png(root / "hr" / f"{image}.png", hr)
    write_png(root / "lr" / f"{image}.png", lr)


def pixel_row(side: Side, name: str, image: NDArray[np.uint8]) -> ManifestRow:
    """Return the manifest row of an image whose file may be encoded in any way."""
    height, width, _ = image.shape
    return ManifestRow(side, name, "", sha256_pixels(image), height, width)
