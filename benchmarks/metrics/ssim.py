"""SSIM as pyiqa computes it, some hundred times faster.

Wang et al. 2004: 11 x 11 Gaussian window of sigma 1.5, K1 = 0.01, K2 = 0.03, range 255, valid
region, no down-sampling; on rounded grey levels, in float64. pyiqa sets negative
contrast-structure terms to zero; scikit-image and torchmetrics do not.

The speed is that of separable filters, and of filtering HR once for all methods.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from benchmarks.api.metric import SampleMetric
from benchmarks.metrics.luma import grey_levels
from benchmarks.metrics.windows import separable_window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from benchmarks.api.metric import MetricRuntime
    from benchmarks.metrics.arithmetic import Arithmetic

_WINDOW = 11
_SIGMA = 1.5
_C1 = (0.01 * 255) ** 2
_C2 = (0.03 * 255) ** 2

Channels = Literal["y601", "yiq", "rgb"]


@dataclass(frozen=True, slots=True)
class Moments:
    """An image and its local moments."""

    image: NDArray[np.float64]  # (h, w) or (h, w, 3), 0 to 255
    mean: NDArray[np.float64]  # (h - 10, w - 10[, 3])
    variance: NDArray[np.float64]


def moments(image: NDArray[np.float64]) -> Moments:
    """Return an image with its local mean and variance under the window."""
    mean = _filtered(image)
    return Moments(image, mean, _filtered(image * image) - mean * mean)


def ssim(sr: Moments, hr: Moments) -> float:
    """Return the mean SSIM of two images of one size."""
    means = sr.mean * hr.mean
    covariance = _filtered(sr.image * hr.image) - means
    contrast_structure = (2 * covariance + _C2) / (sr.variance + hr.variance + _C2)
    luminance = (2 * means + _C1) / (sr.mean * sr.mean + hr.mean * hr.mean + _C1)
    return float(np.mean(luminance * np.maximum(contrast_structure, 0)))


def _filtered(image: NDArray[np.float64]) -> NDArray[np.float64]:
    import cv2

    line = separable_window(_WINDOW, _SIGMA)
    border = _WINDOW // 2
    inner = slice(border, -border)
    filtered: Any = cv2.sepFilter2D(image, -1, line, line)
    valid: NDArray[np.float64] = filtered[inner, inner]
    return valid


class Ssim(SampleMetric):
    """SSIM against one HR image."""

    def __init__(
        self, channels: Channels = "y601", crop: int = 0, arithmetic: Arithmetic = "cuda"
    ) -> None:
        self.channels = channels
        self.crop = crop
        self.arithmetic = arithmetic

    def prepare(self, hr: NDArray[np.uint8]) -> Moments:
        """Return the local moments of an HR image (h, w, 3)."""
        inner = slice(self.crop, -self.crop or None)
        cropped = hr[inner, inner]
        if self.channels == "rgb":
            return moments(cropped.astype(np.float64))
        return moments(grey_levels(cropped, self.channels, self.arithmetic))

    def score(self, srs: Sequence[NDArray[np.uint8]], reference: Any) -> list[float]:
        """Score SR images (h, w, 3) against the moments of the HR image."""
        return [ssim(self.prepare(sr), reference) for sr in srs]


def load(runtime: MetricRuntime) -> Ssim:
    """Build the variant that the spec's `channels` and `crop` describe."""
    settings: Any = runtime.spec.settings
    return Ssim(settings["channels"], settings.get("crop", 0))
