"""Blur kernels in closed form: float64 of shape (size, size), summing to 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def gaussian(
    size: int, sigma_x: float, sigma_y: float, rotation: float, *, beta: float = 1.0
) -> NDArray[np.float64]:
    """Return the generalised Gaussian exp(-(x' C^-1 x)^beta / 2); beta = 1 is the Gaussian.

    Args:
        size: side in pixels, odd.
        sigma_x: standard deviation along the first axis before rotation, in pixels.
        sigma_y: likewise along the second axis.
        rotation: angle of the first axis, in radians.
        beta: exponent; below 1 heavier tails, above 1 flatter top.
    """
    return _normalised(np.exp(-0.5 * _distance(size, sigma_x, sigma_y, rotation) ** beta))


def plateau(
    size: int, sigma_x: float, sigma_y: float, rotation: float, *, beta: float
) -> NDArray[np.float64]:
    """Return the plateau-shaped kernel 1 / (1 + (x' C^-1 x)^beta); arguments as `gaussian`."""
    return _normalised(1.0 / (1.0 + _distance(size, sigma_x, sigma_y, rotation) ** beta))


def sinc(size: int, cutoff: float) -> NDArray[np.float64]:
    """Return the circular ideal low-pass filter, w J1(w r) / (2 pi r), cut to `size` pixels.

    Args:
        size: side in pixels, odd.
        cutoff: cut-off frequency w in radians per pixel, at most pi.
    """
    from scipy.special import j1

    x, y = _grid(size)
    radius = np.hypot(x, y)
    centre = size // 2
    radius[centre, centre] = 1.0
    kernel = cutoff * j1(cutoff * radius) / (2 * np.pi * radius)
    kernel[centre, centre] = cutoff**2 / (4 * np.pi)  # the limit at r = 0
    return _normalised(kernel)


def _grid(size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    axis = np.arange(size, dtype=np.float64) - size // 2
    x, y = np.meshgrid(axis, axis)
    return x, y


def _distance(size: int, sigma_x: float, sigma_y: float, rotation: float) -> NDArray[np.float64]:
    """Return the squared Mahalanobis distance of each pixel from the centre."""
    x, y = _grid(size)
    cosine, sine = np.cos(rotation), np.sin(rotation)
    first, second = cosine * x + sine * y, cosine * y - sine * x
    distance: NDArray[np.float64] = (first / sigma_x) ** 2 + (second / sigma_y) ** 2
    return distance


def _normalised(kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    total: float = kernel.sum()
    return kernel / total
