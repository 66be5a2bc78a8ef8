"""The memory that methods on Stable Diffusion 1 and 2 take, counted on the meta device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from baselines.needs import Need, of_networks, of_vae
from baselines.sd21.weights import VAE

FACTOR = 8  # image pixels per latent pixel
TOKENS = 77


def of_controlled(
    build: Callable[[], Sequence[nn.Module]],
    eps: Callable[..., Tensor],
    *,
    tile: tuple[int, int],
    rows: int,
    text_width: int,
    dtype: torch.dtype,
) -> Need:
    """Return what U-Net and ControlNet take together.

    Args:
        build: gives the networks.
        eps: of the networks, latents, timestep, text and hint.
        tile: (height, width) of the latents that they see at a time.
        rows: latents at a time.
        text_width: channels of the text's embedding.
        dtype: of the networks.
    """
    height, width = tile

    def compute(*networks: Any) -> None:
        z = torch.empty(rows, 4, height, width, dtype=dtype)
        text = z.new_empty(rows, TOKENS, text_width)
        eps(networks, z, 1, text, z.new_empty(rows, 3, FACTOR * height, FACTOR * width))

    return of_networks(build, compute, dtype)


def of_others(
    size: tuple[int, int], batch: int, dtype: torch.dtype, *, text_parameters: int
) -> tuple[Need, Need]:
    """Return what VAE and text encoder take for images of `size` (height, width)."""
    return of_vae(VAE, size, batch, dtype), Need(text_parameters * dtype.itemsize)
