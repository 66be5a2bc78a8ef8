"""The memory that TSD-SR's network takes, counted on the meta device."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from diffusers import SD3Transformer2DModel
from torch import nn

from baselines.needs import Need
from baselines.sd3.memory import CHANNELS, FACTOR, POOLED_WIDTH, TEXT_TOKENS, TEXT_WIDTH
from baselines.tsdsr.network import restore_latent
from benchmarks.api.memory import network_bytes, peak_bytes

if TYPE_CHECKING:
    from benchmarks.api.tiling import Tiling

SHAPE = {  # of Stable Diffusion 3 medium's transformer
    "sample_size": 128,
    "num_layers": 24,
    "attention_head_dim": 64,
    "num_attention_heads": 24,
    "joint_attention_dim": TEXT_WIDTH,
    "caption_projection_dim": 1536,
    "pooled_projection_dim": POOLED_WIDTH,
    "out_channels": CHANNELS,
    "pos_embed_max_size": 192,
}


def of_network(size: tuple[int, int], batch: int, dtype: torch.dtype, tiling: Tiling) -> Need:
    """Return what the transformer takes for images of `size` (height, width), updates folded."""
    tile = tiling.grid(size[0] // FACTOR, size[1] // FACTOR)[0]
    with torch.device("meta"):
        network = SD3Transformer2DModel(**SHAPE)
        z = torch.empty(batch, CHANNELS, tile.height, tile.width, dtype=dtype)
        text = torch.empty(1, TEXT_TOKENS, TEXT_WIDTH), torch.empty(1, POOLED_WIDTH)
    nn.Module.to(network, dtype)
    peak = peak_bytes(lambda: restore_latent(network, z, text, tiling))
    return Need(network_bytes(network, dtype), peak)
