"""The memory that PASD takes, counted on the meta device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from diffusers import ControlNetModel

from baselines.pasd import weights
from baselines.pasd.network import PASDNetwork, Residuals, build
from baselines.sd_control.memory import of_controlled, of_others

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from baselines.needs import Need


def needs(
    size: tuple[int, int], tile: tuple[int, int], batch: int, dtype: torch.dtype
) -> tuple[Need, ...]:
    """Return what the networks take for images of `size`, of which they see a tile at a time."""
    residuals = Residuals()

    def networks() -> list[Any]:
        return [build(weights.UNET, residuals), ControlNetModel(**weights.CONTROLNET)]

    def eps(networks: Any, z: Tensor, timestep: int, text: Tensor, hint: Tensor) -> Tensor:
        return PASDNetwork(networks[0], networks[1], residuals).eps(z, timestep, text, hint)

    controlled = of_controlled(
        networks,
        eps,
        tile=tile,
        rows=2 * batch,
        text_width=weights.UNET["cross_attention_dim"],
        dtype=dtype,
    )
    text = weights.PARAMETERS.text_encoder
    return controlled, *of_others(size, batch, dtype, text_parameters=text)
