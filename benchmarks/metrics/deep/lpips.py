"""LPIPS with pyiqa's network: HR is looked at once for all methods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pyiqa.archs.lpips_arch import normalize_tensor

from benchmarks.api.metric import MetricRuntime, SampleMetric
from benchmarks.metrics.deep.construct import build_pyiqa
from benchmarks.metrics.deep.precision import full_precision, to_batch
from benchmarks.metrics.deep.tf32 import TF32, convolve_in_tf32

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


class Lpips(SampleMetric):
    """LPIPS v0.1: the weighted distance of unit-length features, layer by layer."""

    def __init__(self, network: Any, device: str = "cpu") -> None:
        self.network = network.to(device).eval()
        self.device = device

    def prepare(self, hr: NDArray[np.uint8]) -> list[Tensor]:
        """Return the unit-length features of an image (h, w, 3), one tensor per layer."""
        with full_precision(self.device):
            image = 2 * to_batch(hr, self.device) - 1
            layers = self.network.net(self.network.scaling_layer(image))
            return [normalize_tensor(layer) for layer in layers]

    def score(self, srs: Sequence[NDArray[np.uint8]], reference: Any) -> list[float]:
        """Score SR images (h, w, 3) against the features of the HR image."""
        return [self._distance(self.prepare(sr), reference) for sr in srs]

    def _distance(self, sr: list[Tensor], hr: list[Tensor]) -> float:
        """Return the sum over layers of the mean of w (f_sr - f_hr)^2, eq. 1 of the paper."""
        with full_precision(self.device):
            weighted = [
                weigh((ours - theirs) ** 2).mean()
                for weigh, ours, theirs in zip(self.network.lins, sr, hr, strict=True)
            ]
            return float(sum(weighted))


def load(runtime: MetricRuntime) -> Lpips:
    """Build LPIPS in the spec's variant."""
    network = build_pyiqa(runtime)
    if runtime.spec.settings.get("arithmetic") == TF32:
        convolve_in_tf32(network.net)
    return Lpips(network, runtime.device)
