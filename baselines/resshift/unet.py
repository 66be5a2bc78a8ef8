"""The Swin U-Net of ResShift and SinSR, under the parameter names of the official checkpoints.

An OpenAI-style U-Net (arXiv 2105.05233) whose attention layers are Swin layers, one per level on
each way. It sees the noisy latent and the LR image, which have the same size because both the
scale and the autoencoder's reduction are 4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from accelerate import init_empty_weights
from torch import Tensor, nn

from baselines.checkpoints import load_strictly, read_tensors
from baselines.swin_family.swin import GroupNorm32, SwinLayer, constant_names


@dataclass(frozen=True, slots=True, kw_only=True)
class UNetConfig:
    """The released configuration; tests use smaller ones."""

    image_size: int = 64  # side of the latent in training
    in_channels: int = 6  # latent and LR image
    out_channels: int = 3
    channels: int = 160  # at the first level
    channel_mult: tuple[int, ...] = (1, 2, 2, 4)
    blocks_per_level: int = 2
    swin_width: int = 192
    swin_depth: int = 2
    head_width: int = 32
    window: int = 8

    @property
    def time_channels(self) -> int:
        """Width of the time embedding."""
        return 4 * self.channels


class ResBlock(nn.Module):
    """Two convolutions, the second one after a norm that is scaled and shifted by the time."""

    def __init__(self, channels_in: int, channels_out: int, time_channels: int) -> None:
        super().__init__()
        self.in_layers = nn.Sequential(
            GroupNorm32(channels_in), nn.SiLU(), nn.Conv2d(channels_in, channels_out, 3, padding=1)
        )
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(time_channels, 2 * channels_out))
        self.out_layers = nn.Sequential(
            GroupNorm32(channels_out),
            nn.SiLU(),
            nn.Identity(),  # dropout in training; it holds the place in the parameter names
            nn.Conv2d(channels_out, channels_out, 3, padding=1),
        )
        self.skip_connection = (
            nn.Identity()
            if channels_in == channels_out
            else nn.Conv2d(channels_in, channels_out, 1)
        )

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """Return (B, channels_out, H, W) from a map and the time embedding (B, time_channels)."""
        scale, shift = self.emb_layers(embedding)[:, :, None, None].chunk(2, dim=1)
        norm, *rest = self.out_layers
        y = norm(self.in_layers(x)) * (1 + scale) + shift
        for layer in rest:
            y = layer(y)
        out: Tensor = self.skip_connection(x) + y
        return out


class Downsample(nn.Module):
    """Halve the map by a strided convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.op = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C, H/2, W/2)."""
        out: Tensor = self.op(x)
        return out


class Upsample(nn.Module):
    """Double the map by nearest neighbour and a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C, 2H, 2W)."""
        out: Tensor = self.conv(F.interpolate(x, scale_factor=2, mode="nearest"))
        return out


class Stage(nn.ModuleList):
    """Layers in a row; those that know the time are given it."""

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """Return the map behind the last layer."""
        for layer in self:
            x = layer(x, embedding) if isinstance(layer, ResBlock) else layer(x)
        return x


def time_embedding(t: Tensor, channels: int) -> Tensor:
    """Return cosines, then sines, of t (B,) at geometric frequencies, (B, channels)."""
    half = channels // 2
    k = torch.arange(half, dtype=torch.float32, device=t.device)
    angles = t.float()[:, None] * torch.exp(-math.log(10_000) * k / half)
    return torch.cat([angles.cos(), angles.sin()], dim=1)


class SwinUNet(nn.Module):
    """Predicts the HR latent x_0 from the noisy latent x_t, the time and the LR image."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        channels = config.channels * config.channel_mult[0]
        self.time_embed = nn.Sequential(
            nn.Linear(config.channels, config.time_channels),
            nn.SiLU(),
            nn.Linear(config.time_channels, config.time_channels),
        )
        self.input_blocks, skips = _encoder(config)
        self.middle_block = _middle(config)
        self.output_blocks = _decoder(config, skips)
        self.out = nn.Sequential(
            GroupNorm32(channels),
            nn.SiLU(),
            nn.Conv2d(channels, config.out_channels, 3, padding=1),
        )

    def forward(self, x: Tensor, t: Tensor, lr: Tensor) -> Tensor:
        """Return x_0, (B, 3, h, w).

        Args:
            x: scaled noisy latent (B, 3, h, w); h and w are multiples of 64.
            t: steps (B,), integers from 0.
            lr: LR image (B, 3, h, w) in [-1, 1].
        """
        embedding = self.time_embed(time_embedding(t, self.config.channels))
        h = torch.cat([x, lr], dim=1)
        skips: list[Tensor] = []
        for stage in self.input_blocks:
            h = stage(h, embedding)
            skips.append(h)
        h = self.middle_block(h, embedding)
        for stage in self.output_blocks:
            h = stage(torch.cat([h, skips.pop()], dim=1), embedding)
        out: Tensor = self.out(h)
        return out


def load_unet(path: Path, config: UNetConfig) -> SwinUNet:
    """Build the network and read an official checkpoint into it.

    Raises:
        WeightsCorruptError: the file is not a checkpoint of this network.
    """
    with init_empty_weights():
        unet = SwinUNet(config)
    tensors = read_tensors(path, wrapper="state_dict")
    load_strictly(unet, tensors, path, constants=constant_names(unet))
    return unet


def _swin(config: UNetConfig, channels: int, resolution: int) -> SwinLayer:
    return SwinLayer(
        channels,
        width=config.swin_width,
        heads=config.swin_width // config.head_width,
        depth=config.swin_depth,
        resolution=resolution,
        window=config.window,
    )


def _encoder(config: UNetConfig) -> tuple[nn.ModuleList, list[int]]:
    """Return the way down and the channels that each of its stages hands to the way up."""
    channels = config.channels * config.channel_mult[0]
    stages = [Stage([nn.Conv2d(config.in_channels, channels, 3, padding=1)])]
    skips = [channels]
    last = len(config.channel_mult) - 1
    for level, mult in enumerate(config.channel_mult):
        for block in range(config.blocks_per_level):
            stage = Stage([ResBlock(channels, mult * config.channels, config.time_channels)])
            channels = mult * config.channels
            if block == 0:
                stage.append(_swin(config, channels, config.image_size >> level))
            stages.append(stage)
            skips.append(channels)
        if level < last:
            stages.append(Stage([Downsample(channels)]))
            skips.append(channels)
    return nn.ModuleList(stages), skips


def _middle(config: UNetConfig) -> Stage:
    level = len(config.channel_mult) - 1
    channels = config.channel_mult[level] * config.channels
    return Stage(
        [
            ResBlock(channels, channels, config.time_channels),
            _swin(config, channels, config.image_size >> level),
            ResBlock(channels, channels, config.time_channels),
        ]
    )


def _decoder(config: UNetConfig, skips: list[int]) -> nn.ModuleList:
    """Return the way up; each stage takes the map and the skip of the same size."""
    skips = skips.copy()
    channels = config.channels * config.channel_mult[-1]
    stages = []
    for level, mult in reversed(list(enumerate(config.channel_mult))):
        for block in range(config.blocks_per_level + 1):
            joined = channels + skips.pop()
            stage = Stage([ResBlock(joined, mult * config.channels, config.time_channels)])
            channels = mult * config.channels
            if block == 0:
                stage.append(_swin(config, channels, config.image_size >> level))
            if level and block == config.blocks_per_level:
                stage.append(Upsample(channels))
            stages.append(stage)
    return nn.ModuleList(stages)
