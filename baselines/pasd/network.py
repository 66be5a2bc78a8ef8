"""PASD's networks: stock ones, with a pixel transformer behind each layer of the decoder.

Its context is the ControlNet's residual of the same skip, (B, h w, C): the tensor that was added to
the skip is looked at, pixel by pixel, by what the skip is joined to.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from diffusers import ControlNetModel, UNet2DConditionModel

from baselines.pasd import weights
from baselines.sd_control.controlled import build_and_load, control
from baselines.sd_control.followed import follow, like
from benchmarks.api.tensors import read_safetensors

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from torch import Tensor

_TRAINING = "controlnet_cond_embedding.to_rgbs."  # a loss of the training; not computed


class Residuals:
    """The ControlNet's residuals, which the decoder's layers look at one after the other."""

    def __init__(self) -> None:
        self._left: list[Tensor] = []

    def fill(self, residuals: tuple[Tensor, ...]) -> None:
        """Set the residuals (B, C, h, w), in the order of the encoder's skips."""
        assert not self._left
        self._left = [residual.flatten(2).transpose(1, 2) for residual in residuals]

    def __call__(self) -> Tensor:
        """Return the residual of the next layer of the decoder, the last skip first."""
        return self._left.pop()


class PASDNetwork:
    """U-Net and ControlNet of PASD."""

    def __init__(self, unet: Any, controlnet: Any, residuals: Residuals) -> None:
        self.unet, self.controlnet = unet, controlnet
        self._residuals = residuals

    def eps(self, z: Tensor, timestep: int, text: Tensor, hint: Tensor) -> Tensor:
        """Return eps of latents (B, 4, h, w), text (B, 77, C) and a hint (B, 3, 8h, 8w)."""
        arguments = z, timestep, text.to(z.dtype), hint.to(z.dtype)
        return control(self.unet, self.controlnet, arguments, residuals=self._residuals.fill)


def build(shape: dict[str, Any], residuals: Residuals) -> Any:
    """Return a stock U-Net with a pixel transformer behind each layer of its decoder."""
    unet = UNet2DConditionModel(**shape)
    skips = _skip_channels(unet)
    # The first block has no text transformers; the next one's have its width and heads.
    model = unet.up_blocks[1].attentions[0]
    for block in unet.up_blocks:
        layers = getattr(block, "attentions", block.resnets)
        model = getattr(block, "attentions", [model])[0]
        for index in range(len(layers)):
            follow(layers, index, like(model, skips.pop()), residuals)
    return unet


def _skip_channels(unet: Any) -> list[int]:
    """Return the channels of the encoder's skips, in order."""
    channels = [unet.config.block_out_channels[0]]
    for block in unet.down_blocks:
        wide = block.resnets[-1].out_channels
        channels += [wide] * (len(block.resnets) + bool(block.downsamplers))
    return channels


def official(name: str) -> str:
    """Return the released files' name of a tensor."""
    layer = r"\.(resnets|attentions)\.(\d+)\."
    name = re.sub(layer + r"second\.", r".pixel_attentions.\2.", name)
    return re.sub(layer + r"first\.", r".\1.\2.", name)


def load_network(unet: Path, controlnet: Path, dtype: torch.dtype) -> PASDNetwork:
    """Read the two official files, to the CPU.

    Raises:
        WeightsCorruptError: a file is not this; the message names the first key that differs.
    """
    residuals = Residuals()
    led = {
        name: tensor
        for name, tensor in read_safetensors(controlnet).items()
        if not name.startswith(_TRAINING)
    }
    return PASDNetwork(
        build_and_load(
            partial(build, weights.UNET, residuals),
            unet,
            read_safetensors(unet),
            dtype,
            official=official,
        ),
        build_and_load(partial(ControlNetModel, **weights.CONTROLNET), controlnet, led, dtype),
        residuals,
    )
