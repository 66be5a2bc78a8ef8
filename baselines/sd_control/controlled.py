"""A stock U-Net and its ControlNet as one network, and their official files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from baselines import ldm
from baselines.checkpoints import load_strictly

if TYPE_CHECKING:
    from diffusers import ControlNetModel, UNet2DConditionModel

    from baselines.sd21.components import Surroundings

# eps (B, 4, h, w) of latents (B, 4, h, w), a timestep, text (B, 77, C) and a hint.
Network = Callable[[Tensor, int, Tensor, Tensor], Tensor]


def control(
    unet: UNet2DConditionModel,
    controlnet: ControlNetModel,
    arguments: tuple[Tensor, int, Tensor, Tensor],
    *,
    residuals: Callable[[tuple[Tensor, ...]], object] | None = None,
    joined: bool = False,
) -> Tensor:
    """Return eps of a U-Net that is led by a ControlNet.

    Args:
        unet: the U-Net.
        controlnet: the ControlNet.
        arguments: latents, timestep, text and hint (B, 3, 8h, 8w).
        joined: the hint is another latent (B, 4, h, w), joined to the ControlNet's own.
        residuals: is shown the residuals of the skips before the U-Net computes.
    """
    z, timestep, text, hint = arguments
    seen = torch.cat([z, hint], dim=1) if joined else z
    down, middle = controlnet(
        seen, timestep, encoder_hidden_states=text, controlnet_cond=hint, return_dict=False
    )
    if residuals:
        residuals(tuple(down))
    eps: Tensor = unet(
        z,
        timestep,
        encoder_hidden_states=text,
        down_block_additional_residuals=down,
        mid_block_additional_residual=middle,
    ).sample
    return eps


def guided(
    network: Network,
    z: Tensor,
    timestep: int,
    text: tuple[Tensor, Tensor],
    hint: Tensor,
    scale: float,
) -> Tensor:
    """Return e_neg + scale (e_pos - e_neg), of one batch [negative, positive], in float32.

    Args:
        network: U-Net and ControlNet.
        z: latents (B, 4, h, w).
        timestep: t.
        text: embeddings of the negative and the positive prompts, each (B, 77, C).
        hint: what the ControlNet sees, (B, 3, 8h, 8w).
        scale: of the guidance; at 1 the negative prompt does not count.
    """
    if scale == 1:
        return network(z, timestep, text[1], hint).float()
    both = network(z.repeat(2, 1, 1, 1), timestep, torch.cat(text), hint.repeat(2, 1, 1, 1))
    negative, positive = both.float().chunk(2)
    return negative + scale * (positive - negative)


def build_and_load(
    build: Callable[[], nn.Module],
    path: Path,
    tensors: Mapping[str, Tensor],
    dtype: torch.dtype,
    *,
    official: Callable[[str], str] = str,
) -> Any:
    """Return a network that holds exactly the tensors of an official file, in a dtype.

    Args:
        build: gives the network; called on the meta device.
        path: the file, for messages.
        tensors: what it holds.
        dtype: to hold them in.
        official: gives the file's name of one of the network's tensors.

    Raises:
        WeightsCorruptError: the tensors are not this network's; the first one is named.
    """
    with torch.device("meta"):
        network = build()
    nn.Module.to(network, dtype)
    load_strictly(network, tensors, path, official=official)
    return network


def load_text(
    config: Mapping[str, Any],
    path: Path,
    tensors: Mapping[str, Tensor],
    dtype: torch.dtype,
    *,
    projected: bool = False,
) -> Any:
    """Return the text encoder that OpenCLIP's text tower is, in a dtype.

    Args:
        config: of transformers' text encoder.
        path: the file, for messages.
        tensors: of the tower, by OpenCLIP's names.
        dtype: to hold them in.
        projected: whether the text's last state is projected.

    Raises:
        WeightsCorruptError: the tensors are not this tower's; the first one is named.
    """
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    kind = CLIPTextModelWithProjection if projected else CLIPTextModel
    text = kind(CLIPTextConfig(**config))  # not on the meta device: it has constants
    nn.Module.to(text, dtype)
    found = ldm.clip_tensors(tensors, config["num_hidden_layers"], projected=projected)
    load_strictly(text, found, path, official=lambda name: name.removeprefix("text_model."))
    return text


def text_of(
    around: Surroundings, negative: str, prompts: tuple[str, ...], device: str
) -> tuple[Tensor, Tensor]:
    """Return the embeddings of one negative prompt, once per image, and of the images' prompts."""
    from baselines.sd21.components import embed

    embedded = embed(around, [negative, *prompts], device)
    return embedded[:1].expand(len(prompts), -1, -1), embedded[1:]
