"""The natural-scene features of NIQE: 18 numbers per block, on one scale.

Every step gives pyiqa's numbers; what is computed otherwise is only faster: all blocks at once, and
the table of generalised-Gaussian ratios made once per process and searched instead of scanned.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.metrics.arithmetic import summed
from benchmarks.metrics.windows import gaussian_window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.metrics.arithmetic import Arithmetic

FEATURES = 18  # per block and scale
_WINDOW = 7
_SIGMA = 7 / 6
_NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))  # right, below, both diagonals
# Bicubic (a = -0.5) at half size with antialiasing, MATLAB's imresize: exact in binary.
_HALVING = np.array([-3, -9, 29, 111, 111, 29, -9, -3], dtype=np.float32) / np.float32(256)


def normalised(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean-subtracted, contrast-normalised grey levels (h, w), eq. 1 of the paper."""
    import cv2

    window = gaussian_window(_WINDOW, _SIGMA)
    border = cv2.BORDER_REPLICATE
    mean = cv2.filter2D(levels, -1, window, borderType=border)
    power = cv2.filter2D(levels * levels, -1, window, borderType=border)
    deviation = np.sqrt(np.abs(power - mean * mean) + np.finfo(np.float64).eps)
    result: NDArray[np.float64] = (levels - mean) / (deviation + 1)
    return result


def half_size(levels: NDArray[np.float64], arithmetic: Arithmetic = "cuda") -> NDArray[np.float64]:
    """Return grey levels at half size; in float32 on [0, 1], as pyiqa's resizing is."""
    image = (levels / 255).astype(np.float32)
    image = _halved_rows(image, arithmetic)
    image = _halved_rows(np.ascontiguousarray(image.T), arithmetic).T
    return image.astype(np.float64) * 255


def _halved_rows(image: NDArray[np.float32], arithmetic: Arithmetic) -> NDArray[np.float32]:
    """Return half as many rows; beyond the border rows repeat mirrored, the last one twice."""
    rows = image.shape[0] // 2
    padded = np.pad(image, ((3, 3), (0, 0)), mode="symmetric")
    taps = [tap * padded[k : k + 2 * rows : 2] for k, tap in enumerate(_HALVING)]
    return summed([None, *taps, None], arithmetic)  # pyiqa's outermost two taps are zero


def block_features(image: NDArray[np.float64], block: int) -> NDArray[np.float64]:
    """Return the features (blocks, 18) of a normalised image whose sides are whole blocks.

    A block without values on either side of zero has NaN among its features.
    """
    rows, columns = image.shape[0] // block, image.shape[1] // block
    blocks = image.reshape(rows, block, columns, block).swapaxes(1, 2).reshape(-1, block, block)
    alpha, left, right = _asymmetric_gaussian(blocks)
    features = [alpha, (left + right) / 2]
    for shift in _NEIGHBOURS:
        # Neighbours beyond a block's border are those of its other side.
        alpha, left, right = _asymmetric_gaussian(blocks * np.roll(blocks, shift, axis=(1, 2)))
        features += [alpha, (right - left) * _ratio_of_gammas(2, 1, alpha), left, right]
    return np.stack(features, axis=1)


def _asymmetric_gaussian(
    blocks: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Fit an asymmetric generalised Gaussian to each block (blocks, h, w).

    Returns:
        Shape alpha, left scale and right scale, each (blocks,): eq. 7 of the paper.
    """
    values = blocks.reshape(len(blocks), -1)
    below, above = np.minimum(values, 0), np.maximum(values, 0)
    squares_below = np.einsum("bi,bi->b", below, below)
    squares_above = np.einsum("bi,bi->b", above, above)
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.sqrt(squares_below / np.count_nonzero(below, axis=1))
        right = np.sqrt(squares_above / np.count_nonzero(above, axis=1))
        gamma = left / right
        mean_absolute = (above.sum(axis=1) - below.sum(axis=1)) / values.shape[1]
        ratio = mean_absolute**2 / ((squares_below + squares_above) / values.shape[1])
        ratio *= (gamma**3 + 1) * (gamma + 1) / (gamma**2 + 1) ** 2
    alpha = _shape_of(ratio)
    scale = np.sqrt(_ratio_of_gammas(1, 3, alpha))
    return alpha, left * scale, right * scale


def _shape_of(ratio: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the shape whose ratio is nearest; the smallest one for NaN, as pyiqa's search."""
    shapes, ratios = _table()
    after = np.clip(np.searchsorted(ratios, ratio), 1, len(ratios) - 1)
    nearer_before = np.abs(ratios[after - 1] - ratio) <= np.abs(ratios[after] - ratio)
    nearest = np.where(nearer_before, after - 1, after)
    found: NDArray[np.float64] = shapes[np.where(np.isnan(ratio), 0, nearest)]
    return found


@cache
def _table() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return shapes 0.2, 0.201 ... 10 and gamma(2/a)^2 / (gamma(1/a) gamma(3/a)) of each."""
    from scipy.special import gammaln

    shapes = (0.2 + 0.001 * np.arange(9801)).astype(np.float32).astype(np.float64)
    logarithm = 2 * gammaln(2 / shapes) - gammaln(1 / shapes) - gammaln(3 / shapes)
    return shapes, np.exp(logarithm)


def _ratio_of_gammas(over: int, under: int, alpha: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return gamma(over / alpha) / gamma(under / alpha)."""
    from scipy.special import gammaln

    ratio: NDArray[np.float64] = np.exp(gammaln(over / alpha) - gammaln(under / alpha))
    return ratio
