"""FID. The network is built when the first features are asked for; a distance needs none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.api.metric import MetricRuntime, SetMetric
from benchmarks.metrics.frechet import frechet_distance

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmarks.metrics.deep.inception import InceptionFeatures, Mode


class Fid(SetMetric):
    """FID in one of clean-fid's modes."""

    def __init__(self, weights: Path, mode: Mode = "clean", device: str = "cpu") -> None:
        self.weights = weights
        self.mode = mode
        self.device = device
        self._features: InceptionFeatures | None = None

    def features(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Return Inception features (B, 2048) of images (h, w, 3), each computed alone."""
        if self._features is None:
            from benchmarks.metrics.deep.inception import InceptionFeatures

            self._features = InceptionFeatures(self.weights, self.mode, self.device)
        return np.stack([self._features(image) for image in images])

    def distance(self, sr: NDArray[np.float32], hr: NDArray[np.float32]) -> float:
        """Return the Frechet distance of features (n, 2048)."""
        return frechet_distance(sr, hr)


def load(runtime: MetricRuntime) -> Fid:
    """Build FID in the spec's mode."""
    (weight,) = runtime.spec.weights
    mode: Any = runtime.spec.settings["mode"]
    return Fid(runtime.weight(weight.name), mode, runtime.device)
