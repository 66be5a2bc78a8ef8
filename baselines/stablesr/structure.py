"""The structure encoder: the LR image's latent -> one feature map per resolution of the U-Net.

It is made anew at every step: it knows the timestep, and fades the structure in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from diffusers.models.embeddings import Timesteps
from diffusers.models.resnet import ResnetBlock2D
from torch import Tensor, nn

_GROUPS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class StructureConfig:
    """Size of the encoder; the default is the released one's."""

    channels: int = 256
    multiples: tuple[int, ...] = (1, 1, 2, 2)
    layers: int = 2  # per resolution
    heads: int = 4
    attentive: int = 3  # so many of the resolutions have attention, the finest first
    features: int = 256  # channels of each feature map


class StructureEncoder(nn.Module):
    """z_LR (B, 4, h, w) and a timestep -> features (B, C, h / 2^k, w / 2^k), k = 0 ... 3."""

    def __init__(self, config: StructureConfig) -> None:
        super().__init__()
        channels, wide = config.channels, 4 * config.channels
        self.time_proj = Timesteps(channels, flip_sin_to_cos=True, downscale_freq_shift=0)
        self.time_embed = nn.Sequential(nn.Linear(channels, wide), nn.SiLU(), nn.Linear(wide, wide))
        blocks: list[list[nn.Module]] = [[nn.Conv2d(4, channels, 3, 1, 1)]]
        widths, now = [], channels
        for level, multiple in enumerate(config.multiples):
            for _ in range(config.layers):
                blocks.append([_resnet(now, multiple * channels, wide)])
                now = multiple * channels
                if level < config.attentive:
                    blocks[-1].append(_Attention(now, config.heads))
            widths.append(now)
            if level < len(config.multiples) - 1:
                blocks.append([_Halve(now)])
        self.input_blocks = nn.ModuleList(nn.ModuleList(block) for block in blocks)
        self.middle_block = nn.ModuleList(
            [_resnet(now, now, wide), _Attention(now, config.heads), _resnet(now, now, wide)]
        )
        self.fea_tran = nn.ModuleList(_resnet(width, config.features, wide) for width in widths)

    def forward(self, z: Tensor, timestep: int) -> list[Tensor]:
        """Return the features, the largest first."""
        steps = torch.full((len(z),), timestep, device=z.device)
        embedding = self.time_embed(self.time_proj(steps).to(z.dtype))
        found = []
        for block in self.input_blocks:
            layers = list(block.children())
            if isinstance(layers[0], _Halve):
                found.append(z)
            z = _apply(layers, z, embedding)
        found.append(_apply(self.middle_block, z, embedding))
        return [tran(x, embedding) for tran, x in zip(self.fea_tran, found, strict=True)]


def _resnet(inputs: int, outputs: int, embedding: int) -> ResnetBlock2D:
    return ResnetBlock2D(
        in_channels=inputs, out_channels=outputs, temb_channels=embedding, groups=_GROUPS, eps=1e-5
    )


def _apply(layers: Iterable[nn.Module], x: Tensor, embedding: Tensor) -> Tensor:
    for layer in layers:
        x = layer(x, embedding) if isinstance(layer, ResnetBlock2D) else layer(x)
    return x


class _Halve(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.op = nn.Conv2d(channels, channels, 3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        halved: Tensor = self.op(x)
        return halved


class _Attention(nn.Module):
    """Self-attention whose joint layer holds q, k and v head by head."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(_GROUPS, channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, *size = x.shape
        tokens = self.qkv(self.norm(x.flatten(2)))  # (B, 3C, n)
        q, k, v = tokens.reshape(batch, self.heads, 3 * channels // self.heads, -1).chunk(3, dim=2)
        attended = F.scaled_dot_product_attention(*(part.transpose(2, 3) for part in (q, k, v)))
        mixed = self.proj_out(attended.transpose(2, 3).reshape(batch, channels, -1))
        attended_to: Tensor = x + mixed.reshape(batch, channels, *size)
        return attended_to
