"""The memory that DiT4SR's network takes, counted on the meta device."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from baselines.dit4sr.network import DiT4SR
from baselines.dit4sr.weights import SHAPE
from baselines.needs import Need
from baselines.sd3.memory import CHANNELS, FACTOR, POOLED_WIDTH, TEXT_TOKENS, TEXT_WIDTH
from benchmarks.api.memory import network_bytes, peak_bytes

if TYPE_CHECKING:
    from benchmarks.api.tiling import Tiling


def of_network(size: tuple[int, int], batch: int, dtype: torch.dtype, tiling: Tiling) -> Need:
    """Return what the network takes for images of `size` (height, width).

    Args:
        size: of the images.
        batch: how many, both branches of the guidance counted.
        dtype: of weights and activations.
        tiling: the method's tiles.
    """
    tile = tiling.grid(size[0] // FACTOR, size[1] // FACTOR)[0]
    with torch.device("meta"):
        network = DiT4SR.of(SHAPE)
        z = torch.empty(batch, CHANNELS, tile.height, tile.width, dtype=dtype)
        text = torch.empty(batch, TEXT_TOKENS, TEXT_WIDTH, dtype=dtype)
        pooled = torch.empty(batch, POOLED_WIDTH, dtype=dtype)
        timestep = torch.empty(batch)
    nn.Module.to(network, dtype)
    peak = peak_bytes(lambda: network(z, z.clone(), text, pooled, timestep))
    return Need(network_bytes(network, dtype), peak)
