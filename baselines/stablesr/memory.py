"""The memory that StableSR takes, counted on the meta device."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from baselines.needs import Need, of_networks
from baselines.stablesr import fused, modulated, weights
from baselines.stablesr.fused import Wrapping
from baselines.stablesr.modulated import Structure
from baselines.stablesr.network import StableSRNetwork
from baselines.stablesr.structure import StructureEncoder

_FACTOR, _TOKENS = 8, 77


def needs(
    size: tuple[int, int], tile: tuple[int, int], batch: int, dtype: torch.dtype
) -> tuple[Need, ...]:
    """Return what the networks take for images of `size`, of which they see a tile at a time."""
    structure, config = Structure(), weights.structure()

    def networks() -> list[Any]:
        unet = modulated.build(weights.UNET, config.features, structure)
        return [unet, StructureEncoder(config)]

    def compute(unet: Any, encoder: Any) -> Tensor:
        z = torch.empty(batch, 4, *tile, dtype=dtype)
        text = z.new_empty(1, _TOKENS, weights.UNET["cross_attention_dim"])
        return StableSRNetwork(unet, encoder, structure, text).eps(z, 1, z)

    def both_ways(vae: Any) -> None:
        vae.encode(torch.empty(batch, 3, *size, dtype=dtype))
        vae.decode(torch.empty(batch, 4, *(side // _FACTOR for side in size), dtype=dtype))

    return (
        of_networks(networks, compute, dtype),
        of_networks(lambda: [fused.build(weights.VAE, Wrapping())], both_ways, dtype),
    )
