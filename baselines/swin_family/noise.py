"""The noise stream of a batch: each image's own, or upstream's one stream for all images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from benchmarks.api.restorer import LRBatch, Runtime

Draw = Callable[[Sequence[int]], "Tensor"]  # shape (B, ...) -> the next N(0, 1) of that shape


def upstream_stream(runtime: Runtime, seed: int) -> torch.Generator | None:
    """Return upstream's single stream where `runtime.faithful` asks for it, else None.

    Upstream seeds the global generator once and draws on the device, image after image: a result
    depends on the order of the images and on the device.
    """
    import torch

    if not runtime.faithful:
        return None
    return torch.Generator(runtime.device).manual_seed(seed)


def noise_of(batch: LRBatch, stream: torch.Generator | None) -> Draw:
    """Return what draws the noise of a batch, draw after draw, in float32.

    Args:
        batch: the images; each has its own stream, drawn on the CPU so that every device sees
            the same noise.
        stream: what to draw from instead, for the whole batch, on the stream's device.
    """
    import torch

    if stream is not None:
        return lambda shape: torch.randn(tuple(shape), generator=stream, device=stream.device)
    generators = batch.generators()
    return lambda shape: torch.stack(
        [torch.randn(tuple(shape[1:]), generator=generator) for generator in generators]
    )
