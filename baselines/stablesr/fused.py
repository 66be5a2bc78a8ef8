"""Controllable feature wrapping (CFW): a stock VAE whose decoder looks at its encoder's features.

At a quarter and at half of the image's size, before the decoder enlarges:

    h <- h + w F([encoder's feature, h]),   F = resnet, two RRDBs, resnet
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import torch
from diffusers import AutoencoderKL
from diffusers.models.resnet import ResnetBlock2D
from torch import Tensor, nn

from baselines import ldm
from baselines.rrdb import RRDB

LEVELS = (2, 1)  # of the encoder: features at a quarter and at half of the image's size
_BLOCKS = 2


class Wrapping:
    """The encoder's features by level, and their weight."""

    def __init__(self) -> None:
        self.weight = 0.5
        self.features: dict[int, Tensor] = {}


class Fusion(nn.Module):
    """[feature, hidden] (B, 2C, h, w) -> what is added to hidden (B, C, h, w)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.encode_enc_1 = _resnet(2 * channels, channels)
        self.encode_enc_2 = nn.Sequential(*(RRDB(channels) for _ in range(_BLOCKS)))
        self.encode_enc_3 = _resnet(channels, channels)

    def forward(self, feature: Tensor, hidden: Tensor) -> Tensor:
        """Compute the addition."""
        joined = self.encode_enc_1(torch.cat([feature, hidden], dim=1), None)
        added: Tensor = self.encode_enc_3(self.encode_enc_2(joined), None)
        return added


def _resnet(inputs: int, outputs: int) -> ResnetBlock2D:
    return ResnetBlock2D(in_channels=inputs, out_channels=outputs, temb_channels=None, eps=1e-6)


class _Wrapped(nn.Module):
    """The decoder's enlarging layer, behind a fusion."""

    def __init__(self, enlarge: nn.Module, channels: int, level: int, wrapping: Wrapping) -> None:
        super().__init__()
        self.enlarge, self.fusion = enlarge, Fusion(channels)
        self._level, self._wrapping = level, wrapping

    def forward(self, hidden: Tensor, *given: Any, **named: Any) -> Tensor:
        weight = self._wrapping.weight
        if weight:
            feature = self._wrapping.features[self._level]
            hidden = hidden + weight * self.fusion(feature, hidden)
        enlarged: Tensor = self.enlarge(hidden, *given, **named)
        return enlarged


def build(config: dict[str, Any], wrapping: Wrapping) -> Any:
    """Return a stock VAE with its decoder wrapped; encoding keeps the features for decoding."""
    vae = AutoencoderKL(**config)
    widths = config["block_out_channels"]
    for level in LEVELS:
        block = vae.decoder.up_blocks[len(widths) - 1 - level]
        wrapped = _Wrapped(block.upsamplers[0], widths[level], level, wrapping)
        block.upsamplers[0] = wrapped
        halving = vae.encoder.down_blocks[level].downsamplers[0]
        halving.register_forward_pre_hook(_keep(wrapping, level))
    return vae


def _keep(wrapping: Wrapping, level: int) -> Callable[..., None]:
    def hook(_: nn.Module, args: tuple[Tensor, ...]) -> None:
        wrapping.features[level] = args[0]

    return hook


def names(vae: Any) -> Callable[[str], str]:
    """Return what gives the official name of one of the VAE's tensors."""
    stock = ldm.vae_names(vae)
    last = len(vae.config.block_out_channels) - 1
    place = re.compile(r"decoder\.up_blocks\.(\d+)\.upsamplers\.0\.(enlarge|fusion)\.")

    def official(name: str) -> str:
        found = place.match(name)
        if not found or found[2] == "enlarge":
            return stock(name.replace(".enlarge.", "."))
        rest = name.removeprefix(found[0])
        rest = re.sub(r"RDB(\d)", r"rdb\1", rest).replace("conv_shortcut", "conv_out")
        return f"decoder.fusion_layer_{last - int(found[1])}.{rest}"

    return official
