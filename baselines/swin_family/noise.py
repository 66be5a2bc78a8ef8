"""The noise streams of a batch: each image's own, or upstream's one stream for all images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from benchmarks.api.restorer import LRBatch, Runtime


def upstream_stream(runtime: Runtime, seed: int) -> torch.Generator | None:
    """Return upstream's single stream where `runtime.faithful` asks for it, else None.

    Upstream seeds the global generator once and draws on the device, image after image: a result
    depends on the order of the images and on the device.
    """
    import torch

    return torch.Generator(runtime.device).manual_seed(seed) if runtime.faithful else None


def images_with_noise(
    batch: LRBatch, stream: torch.Generator | None
) -> Iterator[tuple[Tensor, torch.Generator]]:
    """Yield each image (1, 3, h, w) with what its noise is drawn from.

    One image at a time: arithmetic on a batch rounds otherwise than on one image, and a rounding
    can change the nearest code of a latent pixel. These networks fill a GPU with one image.

    Args:
        batch: the images; each has its own stream, on the CPU, the same for every device.
        stream: what to draw from instead, for all images.
    """
    for image, generator in zip(batch.images, batch.generators(), strict=True):
        yield image[None], stream or generator


def draw(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Return the stream's next N(0, 1), float32, on the stream's device."""
    import torch

    return torch.randn(tuple(shape), generator=generator, device=generator.device)
