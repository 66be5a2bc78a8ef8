"""Gaussian and Poisson noise, in colour or the same in all channels. Results are clipped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GREY = (0.2989, 0.587, 0.114)  # the published code's weights of R, G and B


def add_gaussian(
    planes: NDArray[np.float64], sigma: float, *, grey: bool, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Add white Gaussian noise.

    Args:
        planes: image of shape (3, h, w) in [0, 1].
        sigma: standard deviation, of 255.
        grey: one noise field for all channels instead of one for each.
        rng: where the noise comes from.
    """
    shape = planes.shape[1:] if grey else planes.shape
    noisy = planes + rng.standard_normal(shape) * (sigma / 255.0)
    return noisy.clip(0.0, 1.0)


def add_poisson(
    planes: NDArray[np.float64], scale: float, *, grey: bool, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Add shot noise: counts of mean `levels` x intensity, their deviation multiplied by `scale`.

    `levels` is the number of distinct 8-bit values in the image, rounded up to a power of two, so
    an image of few values is noisier, as published.

    Args:
        planes: image of shape (3, h, w) in [0, 1].
        scale: factor on the deviation; 1 is true Poisson noise.
        grey: noise of the luma, the same in all channels.
        rng: where the noise comes from.
    """
    signal = planes
    if grey:
        red, green, blue = planes
        signal = _GREY[0] * red + _GREY[1] * green + _GREY[2] * blue
    values = np.rint(np.clip(signal, 0.0, 1.0) * 255.0).astype(np.uint8)
    distinct = np.count_nonzero(np.bincount(values.reshape(-1), minlength=256))
    levels = 2.0 ** np.ceil(np.log2(distinct))
    intensity = values / 255.0
    deviation = rng.poisson(intensity * levels) / levels - intensity
    noisy: NDArray[np.float64] = planes + scale * deviation
    return noisy.clip(0.0, 1.0)
