"""The memory that one-step methods on Stable Diffusion 2.1 take, counted on the meta device."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import UNet2DConditionModel

from baselines.needs import Need, of_networks, of_vae
from baselines.sd21.weights import PARAMETERS, UNET, VAE

_TOKENS = 77


def needs(
    size: tuple[int, int], tile: tuple[int, int], batch: int, dtype: torch.dtype
) -> tuple[Need, Need, Need]:
    """Return what U-Net, VAE and text encoder take for images of `size` (height, width).

    Args:
        size: of the image that the VAE sees.
        tile: (height, width) of the latents that the U-Net sees at a time.
        batch: images at a time.
        dtype: of the networks.
    """

    def compute(unet: Any) -> None:
        text = torch.empty(batch, _TOKENS, UNET["cross_attention_dim"], dtype=dtype)
        unet(torch.empty(batch, 4, *tile, dtype=dtype), 1, encoder_hidden_states=text)

    return (
        of_networks(lambda: [UNet2DConditionModel(**UNET)], compute, dtype),
        of_vae(VAE, size, batch, dtype),
        Need(PARAMETERS.text_encoder * dtype.itemsize),
    )
