"""Noise from a stream that belongs to an image, or, as upstream has it, to all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from benchmarks.api.restorer import Runtime


def upstream_stream(runtime: Runtime, seed: int) -> torch.Generator | None:
    """Return upstream's single stream where the option `noise` asks for it, else None.

    Upstream seeds the global generator once and draws on the device, image after image: a result
    depends on the images before it and on the device.
    """
    import torch

    if runtime.option("noise") != "upstream":
        return None
    return torch.Generator(runtime.device).manual_seed(seed)


def draw(shape: Sequence[int], stream: torch.Generator) -> Tensor:
    """Return the stream's next N(0, 1), float32, on the stream's device.

    An image's own stream is on the CPU, so that every device sees the same noise.
    """
    import torch

    return torch.randn(tuple(shape), generator=stream, device=stream.device)
