"""Filtering with a kernel, and the unsharp mask of the training target."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.degradation import kernels

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The authors' USM: OpenCV's Gaussian of 51 pixels, whose width rule gives
# sigma = 0.3 ((51 - 1) / 2 - 1) + 0.8 = 8.
_USM_SIZE = 51
_USM_SIGMA = 8.0
_USM_WEIGHT = 0.5
_USM_THRESHOLD = 10.0  # of 255


def filter_planes(planes: NDArray[np.float64], kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlate each plane with `kernel`; beyond the border the image is mirrored, edge not twice.

    Args:
        planes: image of shape (c, h, w).
        kernel: weights of shape (k, k), k odd.
    """
    from scipy import fft

    reach = kernel.shape[0] // 2
    padded = np.pad(planes, ((0, 0), (reach, reach), (reach, reach)), mode="reflect")
    size = [fft.next_fast_len(side, real=True) for side in padded.shape[1:]]
    spectrum = fft.rfft2(padded, size) * fft.rfft2(kernel[::-1, ::-1], size)
    height, width = planes.shape[1:]
    first = 2 * reach  # where the kernel lies within the image; what wraps around comes before it
    result: NDArray[np.float64] = fft.irfft2(spectrum, size)
    return result[:, first : first + height, first : first + width]


def sharpen(planes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sharpen by an unsharp mask, only where an image differs enough from its blurred self.

    With B the blurred image I: sharp = I + 0.5 (I - B); the mask |I - B| > 10/255, itself blurred,
    blends sharp into I.
    """
    kernel = kernels.gaussian(_USM_SIZE, _USM_SIGMA, _USM_SIGMA, 0.0)
    residual = planes - filter_planes(planes, kernel)
    mask = (np.abs(residual) * 255.0 > _USM_THRESHOLD).astype(np.float64)
    soft = filter_planes(mask, kernel)
    sharp = np.clip(planes + _USM_WEIGHT * residual, 0.0, 1.0)
    return soft * sharp + (1.0 - soft) * planes
