"""The memory that DiffBIR's second stage takes, counted on the meta device."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

from baselines.diffbir import versions
from baselines.diffbir.network import build_controlnet, output
from baselines.needs import Need, of_networks
from baselines.sd21.weights import PARAMETERS
from baselines.sd_control.memory import FACTOR, TOKENS, of_others


def needs(size: tuple[int, int], batch: int, dtype: torch.dtype) -> tuple[Need, ...]:
    """Return what the networks take for images of `size` (height, width)."""
    height, width = (side // FACTOR for side in size)

    def networks() -> list[Any]:
        return [UNet2DConditionModel(**versions.UNET), build_controlnet(versions.UNET)]

    def compute(unet: Any, controlnet: Any) -> Tensor:
        z = torch.empty(2 * batch, 4, height, width, dtype=dtype)
        text = z.new_empty(2 * batch, TOKENS, versions.UNET["cross_attention_dim"])
        return output(unet, controlnet, z, 1, text, z)

    led = of_networks(networks, compute, dtype)
    return led, *of_others(size, batch, dtype, text_parameters=PARAMETERS.text_encoder)
