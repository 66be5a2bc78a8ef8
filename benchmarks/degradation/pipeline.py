"""HR image in, LR image out: the entry points of the degradation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.api.errors import ConfigError
from benchmarks.degradation import jpeg, noise
from benchmarks.degradation.filtering import filter_planes, sharpen
from benchmarks.degradation.parameters import REAL_ESRGAN_X4, DegradationParameters
from benchmarks.degradation.recipe import Noise, Recipe, Stage, draw
from benchmarks.degradation.resizing import resize

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Degraded:
    """An LR image, what a method should make of it, and how it came about."""

    lr: NDArray[np.uint8]  # (h / scale, w / scale, 3)
    target: NDArray[np.uint8]  # (h, w, 3): the HR image, sharpened where asked
    recipe: Recipe


def degrade(
    hr: NDArray[np.uint8],
    rng: np.random.Generator,
    parameters: DegradationParameters = REAL_ESRGAN_X4,
) -> NDArray[np.uint8]:
    """Return a random LR image of an HR image, as Real-ESRGAN makes its training images.

    Args:
        hr: image of shape (h, w, 3); the scale divides both sides.
        rng: where all randomness comes from; seed it with `benchmarks.api.seeds.seed_for`.
        parameters: what to draw from.

    Returns:
        Image of shape (h / scale, w / scale, 3).

    Raises:
        ConfigError: the scale does not divide the sides.
    """
    return apply(hr, draw(parameters, rng))


def degrade_pair(
    hr: NDArray[np.uint8],
    rng: np.random.Generator,
    parameters: DegradationParameters = REAL_ESRGAN_X4,
    *,
    sharpen_target: bool = False,
) -> Degraded:
    """Return what `degrade` returns, with its target and its recipe.

    Args:
        hr: as for `degrade`.
        rng: as for `degrade`.
        parameters: as for `degrade`.
        sharpen_target: the target is the USM-sharpened HR image, as in the losses of Real-ESRGAN
            and in the training pairs of SeeSR and DiT4SR.
    """
    recipe = draw(parameters, rng)
    target = _to_image(sharpen(_to_planes(hr))) if sharpen_target else hr
    return Degraded(lr=apply(hr, recipe), target=target, recipe=recipe)


def apply(hr: NDArray[np.uint8], recipe: Recipe) -> NDArray[np.uint8]:
    """Return the LR image that `recipe` makes of an HR image: a pure function of the two.

    Raises:
        ConfigError: the scale does not divide the sides.
    """
    height, width, _ = hr.shape
    scale = recipe.scale
    if height % scale or width % scale:
        raise ConfigError(
            f"An HR image of {height}x{width} has no LR image {scale} times smaller.",
            f"Crop it to sides that {scale} divides.",
        )
    planes = _to_planes(hr)
    if recipe.sharpen:
        planes = sharpen(planes)
    planes = _blur(planes, recipe.first)
    factor = recipe.first.resize.factor
    size = _scaled((height, width), factor)
    planes = resize(planes, size, recipe.first.resize.mode, factor=factor)
    planes = jpeg.compress(_add_noise(planes, recipe.first.noise), recipe.first.jpeg_quality)

    planes = _blur(planes, recipe.second)
    size = _scaled((height, width), recipe.second.resize.factor / scale)
    planes = resize(planes, size, recipe.second.resize.mode)
    planes = _add_noise(planes, recipe.second.noise)
    return _to_image(_finish(planes, (height // scale, width // scale), recipe))


def _finish(
    planes: NDArray[np.float64], size: tuple[int, int], recipe: Recipe
) -> NDArray[np.float64]:
    """Resize to the LR size and filter, before or after the last JPEG."""
    if not recipe.jpeg_last:
        planes = jpeg.compress(planes, recipe.second.jpeg_quality)
    planes = resize(planes, size, recipe.final_resize)
    if recipe.final_sinc:
        planes = filter_planes(planes, recipe.final_sinc.weights())
    if recipe.jpeg_last:
        planes = jpeg.compress(planes, recipe.second.jpeg_quality)
    return planes


def _blur(planes: NDArray[np.float64], stage: Stage) -> NDArray[np.float64]:
    return filter_planes(planes, stage.blur.weights()) if stage.blur else planes


def _add_noise(planes: NDArray[np.float64], drawn: Noise) -> NDArray[np.float64]:
    add = noise.add_gaussian if drawn.kind == "gaussian" else noise.add_poisson
    rng = np.random.default_rng(drawn.seed)
    return add(planes, drawn.strength, grey=drawn.grey, rng=rng)


def _scaled(size: tuple[int, int], factor: float) -> tuple[int, int]:
    return max(1, int(size[0] * factor)), max(1, int(size[1] * factor))


def _to_planes(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    return np.ascontiguousarray(image.transpose(2, 0, 1)) / 255.0


def _to_image(planes: NDArray[np.float64]) -> NDArray[np.uint8]:
    levels = np.rint(np.clip(planes, 0.0, 1.0) * 255.0).astype(np.uint8)
    return np.ascontiguousarray(levels.transpose(1, 2, 0))
