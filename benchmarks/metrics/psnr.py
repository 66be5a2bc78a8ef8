"""PSNR in every colour and border convention that papers use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from benchmarks.api.metric import SampleMetric
from benchmarks.metrics.luma import grey_levels, luma_of_difference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from benchmarks.api.metric import MetricRuntime

# pyiqa adds it to the mean squared error, so identical images have 80 dB and not infinitely many.
_EPSILON = 1e-8

Channels = Literal["y601", "y601-rounded", "yiq", "rgb"]


def psnr(
    sr: NDArray[np.uint8], hr: NDArray[np.uint8], channels: Channels = "y601", crop: int = 0
) -> float:
    """Return 10 log10(1 / (MSE + 1e-8)) in dB, with values in [0, 1].

    Args:
        sr: image (h, w, 3).
        hr: image (h, w, 3).
        channels: what is compared; `y601-rounded` is studio luma in whole grey levels.
        crop: pixels left out at each border.
    """
    inner = slice(crop, -crop or None)
    sr, hr = sr[inner, inner], hr[inner, inner]
    if channels == "rgb":
        difference = (sr.astype(np.int16) - hr) / 255.0
    elif channels == "y601-rounded":
        difference = (grey_levels(sr, "y601") - grey_levels(hr, "y601")) / 255.0
    else:
        difference = luma_of_difference(sr, hr, channels)
    return float(-10.0 * np.log10(np.mean(np.square(difference)) + _EPSILON))


class Psnr(SampleMetric):
    """PSNR against one HR image."""

    def __init__(self, channels: Channels = "y601", crop: int = 0) -> None:
        self.channels = channels
        self.crop = crop

    def score(self, srs: Sequence[NDArray[np.uint8]], reference: Any) -> list[float]:
        """Score SR images (h, w, 3) against the HR image (h, w, 3)."""
        return [psnr(sr, reference, self.channels, self.crop) for sr in srs]


def load(runtime: MetricRuntime) -> Psnr:
    """Build the variant that the spec's `channels` and `crop` describe."""
    settings: Any = runtime.spec.settings
    return Psnr(settings["channels"], settings.get("crop", 0))
