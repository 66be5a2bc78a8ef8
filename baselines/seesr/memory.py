"""The memory that SeeSR and AddSR take, counted on the meta device."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import ControlNetModel, UNet2DConditionModel
from torch import Tensor

from baselines.needs import Need
from baselines.sd21.weights import PARAMETERS
from baselines.sd_control.memory import of_controlled, of_others
from baselines.seesr import weights
from baselines.seesr.network import SeeSRNetwork, Sight, build

_EYE_PARAMETERS = 214_000_000  # of RAM's encoder and head, which stay in float32
_TOKENS = 145  # of an image's embedding


def needs(
    size: tuple[int, int], tile: tuple[int, int], batch: int, rows: int, dtype: torch.dtype
) -> tuple[Need, ...]:
    """Return what the networks take for images of `size`, of which they see `rows` tiles."""
    sight = Sight()

    def networks() -> list[Any]:
        return [
            build(UNet2DConditionModel, weights.UNET, sight),
            build(ControlNetModel, weights.CONTROLNET, sight),
        ]

    def eps(networks: Any, z: Tensor, *arguments: Any) -> Tensor:
        embedding = torch.empty(rows, _TOKENS, weights.IMAGE_WIDTH)
        network = SeeSRNetwork(networks[0], networks[1], sight)
        return network.eps(z, arguments[0], arguments[1], arguments[2], embedding)

    controlled = of_controlled(
        networks,
        eps,
        tile=tile,
        rows=rows,
        text_width=weights.UNET["cross_attention_dim"],
        dtype=dtype,
    )
    others = of_others(size, batch, dtype, text_parameters=PARAMETERS.text_encoder)
    return controlled, *others, Need(_EYE_PARAMETERS * torch.float32.itemsize)
