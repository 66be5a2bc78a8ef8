"""The memory that SUPIR takes, counted on the meta device."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from baselines.needs import Need, of_networks, of_vae
from baselines.supir import weights
from baselines.supir.adapters import Control
from baselines.supir.network import SUPIRNetwork, build_branch, build_unet

_FACTOR, _TOKENS = 8, 77
_TEXT_PARAMETERS = 123_060_480 + 694_659_840  # of CLIP-L and CLIP-bigG
_ENCODER_PARAMETERS = 34_163_592  # of the second encoder


def needs(
    size: tuple[int, int], batch: int, dtype: torch.dtype, vae_dtype: torch.dtype
) -> tuple[Need, ...]:
    """Return what the networks take for images of `size` (height, width)."""
    control = Control()
    height, width = (side // _FACTOR for side in size)

    def networks() -> list[Any]:
        return [build_unet(weights.UNET, control), build_branch(weights.CONTROL)]

    def compute(unet: Any, branch: Any) -> Tensor:
        rows = 2 * batch
        x = torch.empty(rows, 4, height, width, dtype=dtype)
        text = (
            x.new_empty(rows, _TOKENS, weights.UNET["cross_attention_dim"]),
            x.new_empty(rows, weights.UNET["projection_class_embeddings_input_dim"]),
        )
        return SUPIRNetwork(unet, branch, control).eps(x, 1, text, x, 1.0)

    return (
        of_networks(networks, compute, dtype),
        of_vae(weights.VAE, size, batch, vae_dtype),
        Need(_ENCODER_PARAMETERS * vae_dtype.itemsize),
        Need(_TEXT_PARAMETERS * dtype.itemsize),
    )
