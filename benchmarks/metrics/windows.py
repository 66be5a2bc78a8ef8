"""The Gaussian windows of SSIM and NIQE, as pyiqa makes them.

pyiqa rounds its windows to float32 before it filters in float64, so their sum is not 1 but
1 + 1.1e-8. In flat areas, where a variance is the difference of two numbers near 65000, that is
what remains: an exact window moves NIQE of one image by up to 0.11.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@cache
def gaussian_window(size: int, sigma: float) -> NDArray[np.float64]:
    """Return the window (size, size), rounded to float32; its sum is 1 to about 1e-8."""
    line = _line(size, sigma)
    window: NDArray[np.float64] = np.outer(line, line)
    window /= window.sum()
    return window.astype(np.float32).astype(np.float64)


@cache
def separable_window(size: int, sigma: float) -> NDArray[np.float64]:
    """Return the line (size,) whose outer product has the sum of `gaussian_window`."""
    line = _line(size, sigma)
    line *= np.sqrt(gaussian_window(size, sigma).sum()) / line.sum()
    return line


def _line(size: int, sigma: float) -> NDArray[np.float64]:
    x = np.arange(size) - (size - 1) / 2
    line: NDArray[np.float64] = np.exp(-(x**2) / (2 * sigma**2))
    return line
