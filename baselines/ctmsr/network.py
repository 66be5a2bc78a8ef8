"""CTMSR's network, under the parameter names of the official checkpoint.

EDM's DDPM++ U-Net (arXiv 2206.00364) with Swin layers for attention. It works at the size of the
LR image: the noisy SR image goes in as a 4x4 pixel unshuffle beside the LR image, and comes out
through two nearest-neighbour doublings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from accelerate import init_empty_weights
from torch import Tensor, nn

from baselines.checkpoints import load_strictly, read_tensors
from baselines.swin_family.swin import SwinLayer, constant_names

SIGMA = 1.0  # the noise level of the one step; it is the sigma_max of training

_SKIP_SCALE = math.sqrt(0.5)
_SCALE = 4

Resample = Literal["up", "down"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CTMSRConfig:
    """The released configuration; tests use smaller ones."""

    image_size: int = 64  # side of the LR image in training
    channels: int = 192  # at the first level
    channel_mult: tuple[int, ...] = (1, 2, 2, 2)
    blocks_per_level: int = 4
    swin_width: int = 192
    heads: int = 6
    window: int = 8

    @property
    def time_channels(self) -> int:
        """Width of the embedding of the noise level."""
        return 4 * self.channels


class GroupNorm(nn.GroupNorm):
    """Group normalisation with at least 4 channels per group, at most 32 groups."""

    def __init__(self, channels: int) -> None:
        super().__init__(min(32, channels // 4), channels, eps=1e-6)


class ResampledConv(nn.Conv2d):
    """A convolution, after doubling (nearest) or halving (2x2 mean) the map if asked to."""

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int, resample: Resample | None = None
    ) -> None:
        super().__init__(channels_in, channels_out, kernel, padding=kernel // 2)
        self.resample = resample

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, channels_out, H', W') with H' = H, 2H or H/2."""
        if self.resample == "up":
            x = F.interpolate(x, scale_factor=2, mode="nearest")
        elif self.resample == "down":
            x = F.avg_pool2d(x, 2)
        return super().forward(x)


class Block(nn.Module):
    """A residual block of DDPM++, with a Swin layer behind it where `swin` is given."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        time_channels: int,
        *,
        resample: Resample | None = None,
        swin: SwinLayer | None = None,
    ) -> None:
        super().__init__()
        self.norm0 = GroupNorm(channels_in)
        self.conv0 = ResampledConv(channels_in, channels_out, 3, resample)
        self.affine = nn.Linear(time_channels, channels_out)
        self.norm1 = GroupNorm(channels_out)
        self.conv1 = nn.Conv2d(channels_out, channels_out, 3, padding=1)
        projected = channels_in != channels_out or resample is not None
        self.skip = ResampledConv(channels_in, channels_out, 1, resample) if projected else None
        self.swin_layer = swin

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """Return (B, channels_out, H', W') from a map and the noise embedding (B, C)."""
        y = self.conv0(F.silu(self.norm0(x)))
        y = self.conv1(F.silu(self.norm1(y + self.affine(embedding)[:, :, None, None])))
        y = (y + (x if self.skip is None else self.skip(x))) * _SKIP_SCALE
        out: Tensor = y if self.swin_layer is None else self.swin_layer(y) * _SKIP_SCALE
        return out


def noise_embedding(noise: Tensor, channels: int) -> Tensor:
    """Return sines, then cosines, of `noise` (B,) at frequencies from 1 to 1e-4, (B, channels)."""
    half = channels // 2
    k = torch.arange(half, dtype=torch.float32, device=noise.device) / (half - 1)
    angles = noise[:, None] * 10_000**-k
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class SongUNet(nn.Module):
    """The network F: from the noisy image, the noise level and the LR image to an image."""

    def __init__(self, config: CTMSRConfig) -> None:
        super().__init__()
        self.config = config
        channels = config.channels
        self.map_layer0 = nn.Linear(channels, config.time_channels)
        self.map_layer1 = nn.Linear(config.time_channels, config.time_channels)
        self.enc, skips = _encoder(config)
        self.dec = _decoder(config, skips)
        self.conv_up1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv_up2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv_last = nn.Conv2d(channels, 3, 3, padding=1)

    def forward(self, x: Tensor, noise: Tensor, lr: Tensor) -> Tensor:
        """Return (B, 3, 4h, 4w) from x of that size, `noise` (B,) and lr (B, 3, h, w)."""
        embedding = noise_embedding(noise, self.config.channels)
        embedding = F.silu(self.map_layer1(F.silu(self.map_layer0(embedding))))
        h = torch.cat([F.pixel_unshuffle(x, _SCALE), lr], dim=1)  # (B, 51, h, w)
        skips: list[Tensor] = []
        for layer in self.enc.values():
            h = layer(h, embedding) if isinstance(layer, Block) else layer(h)
            skips.append(h)
        for layer in self.dec.values():
            if isinstance(layer, Block):
                if h.shape[1] != layer.conv0.in_channels:
                    h = torch.cat([h, skips.pop()], dim=1)
                h = layer(h, embedding)
            elif isinstance(layer, GroupNorm):
                h = F.silu(layer(h))
            else:
                h = layer(h)
        for conv in (self.conv_up1, self.conv_up2):
            h = F.leaky_relu(conv(F.interpolate(h, scale_factor=2, mode="nearest")), 0.2)
        out: Tensor = self.conv_last(h)
        return out


class CTMSRNetwork(nn.Module):
    """The consistency model: F, preconditioned so that it is the identity without noise."""

    def __init__(self, config: CTMSRConfig) -> None:
        super().__init__()
        self.model = SongUNet(config)

    def forward(self, x: Tensor, lr: Tensor) -> Tensor:
        """Return SR (B, 3, 4h, 4w) from x = SR + SIGMA * noise and lr (B, 3, h, w), in [-1, 1]."""
        c_skip, c_out, c_noise = preconditioning(SIGMA)
        noise = torch.full((len(x),), c_noise, device=x.device)
        sr: Tensor = c_skip * x + c_out * self.model(x, noise, lr).float()
        return sr


def preconditioning(sigma: float) -> tuple[float, float, float]:
    """Return (c_skip, c_out, c_noise) of D = c_skip x + c_out F(x, c_noise)."""
    sigma_data = 0.5
    scaled = sigma / 0.1
    norm = scaled**2 + sigma_data**2
    return sigma_data**2 / norm, scaled / math.sqrt(norm), math.log(sigma + 0.002) / 4


def load_network(path: Path, config: CTMSRConfig) -> CTMSRNetwork:
    """Build the network and read an official checkpoint into it.

    Raises:
        WeightsCorruptError: the file is not a checkpoint of this network.
    """
    with init_empty_weights():
        network = CTMSRNetwork(config)
    tensors = read_tensors(path, wrapper="params_ema")
    load_strictly(network, tensors, path, constants=official_constants(network))
    return network


def official_constants(network: CTMSRNetwork) -> frozenset[str]:
    """Return the names of the constants in the official checkpoint: Swin's, and the 2x2 filters."""
    filters = {
        f"{name}.resample_filter"
        for name, module in network.named_modules()
        if isinstance(module, ResampledConv) and module.resample
    }
    return constant_names(network) | filters


def _swin(config: CTMSRConfig, channels: int, resolution: int) -> SwinLayer:
    return SwinLayer(
        channels,
        width=config.swin_width,
        heads=config.heads,
        depth=1,
        resolution=resolution,
        window=config.window,
        residual_conv=True,
    )


def _encoder(config: CTMSRConfig) -> tuple[nn.ModuleDict, list[int]]:
    """Return the way down and the channels that each of its layers hands to the way up."""
    channels = config.channels
    layers: dict[str, nn.Module] = {}
    skips = [channels]
    for level, mult in enumerate(config.channel_mult):
        side = config.image_size >> level
        if level == 0:
            layers[f"{side}x{side}_conv"] = ResampledConv(3 * _SCALE**2 + 3, channels, 3)
        else:
            layers[f"{side}x{side}_down"] = Block(
                channels, channels, config.time_channels, resample="down"
            )
            skips.append(channels)
        for block in range(config.blocks_per_level):
            width = config.channels * mult
            layers[f"{side}x{side}_block{block}"] = Block(
                channels, width, config.time_channels, swin=_swin(config, width, side)
            )
            channels = width
            skips.append(channels)
    return nn.ModuleDict(layers), skips


def _decoder(config: CTMSRConfig, skips: list[int]) -> nn.ModuleDict:
    """Return the way up: one block more per level, and attention only in the last of them."""
    skips = skips.copy()
    last = len(config.channel_mult) - 1
    channels = config.channels * config.channel_mult[last]
    emb = config.time_channels
    layers: dict[str, nn.Module] = {}
    for level, mult in reversed(list(enumerate(config.channel_mult))):
        side = config.image_size >> level
        if level == last:
            swin = _swin(config, channels, side)
            layers[f"{side}x{side}_in0"] = Block(channels, channels, emb, swin=swin)
            layers[f"{side}x{side}_in1"] = Block(channels, channels, emb)
        else:
            layers[f"{side}x{side}_up"] = Block(channels, channels, emb, resample="up")
        for block in range(config.blocks_per_level + 1):
            joined, channels = channels + skips.pop(), config.channels * mult
            at_end = _swin(config, channels, side) if block == config.blocks_per_level else None
            layers[f"{side}x{side}_block{block}"] = Block(joined, channels, emb, swin=at_end)
        if level == 0:
            layers[f"{side}x{side}_aux_norm"] = GroupNorm(channels)
            layers[f"{side}x{side}_aux_conv"] = nn.Conv2d(channels, config.channels, 3, padding=1)
    return nn.ModuleDict(layers)
