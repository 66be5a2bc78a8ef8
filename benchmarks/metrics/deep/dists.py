"""DISTS with pyiqa's network: HR is looked at once for all methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from benchmarks.api.metric import MetricRuntime, SampleMetric
from benchmarks.metrics.deep.construct import build_pyiqa
from benchmarks.metrics.deep.precision import full_precision, to_batch
from benchmarks.metrics.deep.tf32 import TF32, convolve_in_tf32

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

_EPSILON = 1e-6  # c1 and c2 of the paper
_OVER_SPACE = (2, 3)


@dataclass(frozen=True, slots=True)
class _Layer:
    """One layer's features of one image, with their moments over space."""

    features: Tensor  # (1, c, h, w)
    mean: Tensor  # (1, c, 1, 1)
    variance: Tensor  # (1, c, 1, 1)


class Dists(SampleMetric):
    """DISTS: texture (means) and structure (correlations) of the image and five VGG16 stages."""

    def __init__(self, network: Any, device: str = "cpu", resize: int | None = None) -> None:
        self.network = network.to(device).eval()
        self.device = device
        self.resize = resize  # pixels of the shorter side, where it is longer
        with full_precision(device):
            total = network.alpha.sum() + network.beta.sum()
            self._texture = torch.split(network.alpha / total, network.chns, dim=1)
            self._structure = torch.split(network.beta / total, network.chns, dim=1)

    def prepare(self, hr: NDArray[np.uint8]) -> list[_Layer]:
        """Return the features of an image (h, w, 3)."""
        image = hr if self.resize is None else shorter_side(hr, self.resize)
        with full_precision(self.device):
            layers = self.network.forward_once(to_batch(image, self.device))
            return [_with_moments(layer) for layer in layers]

    def score(self, srs: Sequence[NDArray[np.uint8]], reference: Any) -> list[float]:
        """Score SR images (h, w, 3) against the features of the HR image."""
        return [self._distance(self.prepare(sr), reference) for sr in srs]

    def _distance(self, sr: list[_Layer], hr: list[_Layer]) -> float:
        """Return 1 - sum of alpha * texture + beta * structure, eq. 8 of the paper."""
        with full_precision(self.device):
            similarity = torch.zeros((), device=self.device)
            for x, y, alpha, beta in zip(sr, hr, self._texture, self._structure, strict=True):
                products = x.mean * y.mean
                texture = (2 * products + _EPSILON) / (x.mean**2 + y.mean**2 + _EPSILON)
                covariance = (x.features * y.features).mean(_OVER_SPACE, keepdim=True) - products
                structure = (2 * covariance + _EPSILON) / (x.variance + y.variance + _EPSILON)
                similarity = similarity + (alpha * texture).sum() + (beta * structure).sum()
            return float(1 - similarity)


def _with_moments(features: Tensor) -> _Layer:
    mean = features.mean(_OVER_SPACE, keepdim=True)
    return _Layer(features, mean, ((features - mean) ** 2).mean(_OVER_SPACE, keepdim=True))


def shorter_side(image: NDArray[np.uint8], pixels: int) -> NDArray[np.uint8]:
    """Return an image whose shorter side has at most `pixels`, as the authors' script resizes."""
    from PIL import Image

    height, width = image.shape[:2]
    short = min(height, width)
    if short <= pixels:
        return image
    size = (int(pixels * width / short), int(pixels * height / short))
    resized = Image.fromarray(image).resize(size, Image.Resampling.BILINEAR)
    return np.asarray(resized)


def load(runtime: MetricRuntime) -> Dists:
    """Build DISTS in the spec's variant."""
    resize = runtime.spec.settings.get("resize")
    network = build_pyiqa(runtime)
    if runtime.spec.settings.get("arithmetic") == TF32:
        convolve_in_tf32(network, but_first=True)
    return Dists(network, runtime.device, int(resize) if resize else None)
