"""MUSIQ, MANIQA, CLIPIQA and LIQE: pyiqa's networks, one image in and one number out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.api.metric import MetricRuntime, SampleMetric
from benchmarks.metrics.deep.construct import build_pyiqa
from benchmarks.metrics.deep.precision import full_precision, to_batch
from benchmarks.metrics.deep.state import load_into, read_tensors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class NoReferenceNetwork(SampleMetric):
    """A network of pyiqa that judges one image."""

    def __init__(self, network: Any, device: str = "cpu") -> None:
        self.network = network.to(device).eval()
        self.device = device

    def score(self, srs: Sequence[NDArray[np.uint8]], reference: Any) -> list[float]:
        """Score images (h, w, 3) one by one; there is no reference."""
        with full_precision(self.device):
            return [float(self.network(to_batch(sr, self.device))) for sr in srs]


def load(runtime: MetricRuntime) -> NoReferenceNetwork:
    """Build MUSIQ, MANIQA or LIQE, with pyiqa's configuration of the spec's variant."""
    return NoReferenceNetwork(build_pyiqa(runtime), runtime.device)


def load_clipiqa(runtime: MetricRuntime) -> NoReferenceNetwork:
    """Build CLIPIQA or a CLIPIQA+, which encodes its prompts once instead of per image."""
    network = build_pyiqa(runtime, pretrained=False)
    variant = runtime.spec.settings["pyiqa"]
    prompts = runtime.weight(runtime.spec.weights[-1].name)
    if variant == "clipiqa+":
        network.prompt_learner.ctx.data = read_tensors(prompts)
    elif variant != "clipiqa":
        load_into(network, prompts, key="params", strict=True)
    encode_prompts_once(network)
    return NoReferenceNetwork(network, runtime.device)


def encode_prompts_once(network: Any) -> None:
    """Let a CLIPIQA network keep the text features of its first image."""
    if hasattr(network, "prompt_learner"):
        _remember(network.prompt_learner, "forward")
    else:
        _remember(network.clip_model[0], "encode_text")


def _remember(module: Any, name: str) -> None:
    compute = getattr(module, name)
    kept: list[Any] = []

    def first_answer(*arguments: Any) -> Any:
        if not kept:
            kept.append(compute(*arguments))
        return kept[0]

    setattr(module, name, first_answer)
