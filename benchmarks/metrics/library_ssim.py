"""SSIM as scikit-image and torchmetrics compute it, by calling them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.api.metric import SampleMetric
from benchmarks.metrics.luma import grey_levels, luma

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from benchmarks.api.metric import MetricRuntime

_SKIMAGE_OPTIONS: dict[str, dict[str, Any]] = {
    "gaussian": {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False},
    "uniform": {},
}


class SkimageSsim(SampleMetric):
    """scikit-image's SSIM of studio-range luma in whole grey levels."""

    def __init__(self, window: str) -> None:
        self.options = _SKIMAGE_OPTIONS[window]

    def prepare(self, hr: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the grey levels (h, w) of an HR image."""
        return grey_levels(hr, "y601")

    def score(self, srs: Sequence[NDArray[np.uint8]], reference: Any) -> list[float]:
        """Score SR images (h, w, 3) against the grey levels of the HR image."""
        from skimage import metrics

        structural_similarity: Any = metrics.structural_similarity
        planes = [grey_levels(sr, "y601") for sr in srs]
        return [
            float(structural_similarity(plane, reference, data_range=255, **self.options))
            for plane in planes
        ]


class TorchmetricsSsim(SampleMetric):
    """torchmetrics' SSIM of unrounded studio-range luma in [0, 1]."""

    def __init__(self, device: str) -> None:
        self.device = device

    def prepare(self, hr: NDArray[np.uint8]) -> Any:
        """Return the luma of an image as a float32 tensor (1, 1, h, w)."""
        import torch

        plane = torch.from_numpy(luma(hr, "y601").astype(np.float32))
        return plane[None, None].to(self.device)

    def score(self, srs: Sequence[NDArray[np.uint8]], reference: Any) -> list[float]:
        """Score SR images (h, w, 3) against the luma of the HR image."""
        from torchmetrics.functional import image

        ssim: Any = image.structural_similarity_index_measure
        return [float(ssim(self.prepare(sr), reference, data_range=1.0)) for sr in srs]


def load_skimage(runtime: MetricRuntime) -> SkimageSsim:
    """Build the variant that the spec's `window` describes."""
    return SkimageSsim(str(runtime.spec.settings["window"]))


def load_torchmetrics(runtime: MetricRuntime) -> TorchmetricsSsim:
    """Build torchmetrics' SSIM on the runtime's device."""
    return TorchmetricsSsim(runtime.device)
