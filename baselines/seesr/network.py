"""SeeSR's networks: stock ones, with an image transformer behind each text transformer."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from diffusers import ControlNetModel, UNet2DConditionModel
from torch import Tensor

from baselines.sd_control.controlled import build_and_load, control
from baselines.sd_control.followed import attention_layers, follow, like
from baselines.seesr import weights
from benchmarks.api.tensors import read_safetensors

if TYPE_CHECKING:
    from torch import nn


class Sight:
    """The image embedding (B, n, 512) that all image transformers look at."""

    def __init__(self) -> None:
        self.embedding = torch.empty(0)

    def __call__(self) -> Tensor:
        """Return it."""
        return self.embedding


class SeeSRNetwork:
    """U-Net and ControlNet of SeeSR, AddSR and their like, on one image embedding."""

    def __init__(self, unet: nn.Module, controlnet: nn.Module, sight: Sight) -> None:
        self.unet, self.controlnet = unet, controlnet
        self._sight = sight

    def eps(
        self, z: Tensor, timestep: int, text: Tensor, hint: Tensor, embedding: Tensor
    ) -> Tensor:
        """Return eps of latents (B, 4, h, w).

        Args:
            z: latents; a multiple of the images, whose rows repeat in order.
            timestep: t.
            text: (B, 77, C).
            hint: the LR images, enlarged, (B, 3, 8h, 8w) in [0, 1].
            embedding: the tagger's of the images, (images, n, 512).
        """
        dtype = z.dtype
        embedding = embedding.to(dtype)
        self._sight.embedding = embedding.repeat(len(z) // len(embedding), 1, 1)
        return control(self.unet, self.controlnet, (z, timestep, text.to(dtype), hint.to(dtype)))


def build(kind: Callable[..., Any], shape: dict[str, Any], sight: Sight) -> Any:
    """Return a stock network with an image transformer behind each text transformer."""
    network = kind(**shape)
    for layers in attention_layers(network):
        for index, text in enumerate(layers):
            follow(layers, index, like(text, weights.IMAGE_WIDTH), sight)
    return network


def official(name: str) -> str:
    """Return the released files' name of a tensor."""
    name = re.sub(r"\.attentions\.(\d+)\.second\.", r".image_attentions.\1.", name)
    return re.sub(r"\.attentions\.(\d+)\.first\.", r".attentions.\1.", name)


def load_network(unet: Path, controlnet: Path, dtype: torch.dtype) -> SeeSRNetwork:
    """Read the two official files, to the CPU.

    Raises:
        WeightsCorruptError: a file is not this; the message names the first key that differs.
    """
    sight = Sight()

    def part(kind: Any, shape: dict[str, Any], path: Path) -> Any:
        tensors = read_safetensors(path)
        made = partial(build, kind, shape, sight)
        return build_and_load(made, path, tensors, dtype, official=official)

    return SeeSRNetwork(
        part(UNet2DConditionModel, weights.UNET, unet),
        part(ControlNetModel, weights.CONTROLNET, controlnet),
        sight,
    )
