"""The small models' networks: convolutions at the LR image's resolution, in a U of two levels.

`Trunk` is shared by the base restoration (`mfsr.tiny.base`) and by `VelocityUNet`. Normalisation is
over the channels of a pixel, so that no operation looks further than its kernel and a pixel comes
out the same whether the image is whole or in tiles that overlap enough.
"""

from __future__ import annotations

from typing import Any, TypeVar, cast

import torch
import torch.nn.functional as F
from diffusers.models.embeddings import CombinedTimestepTextProjEmbeddings
from pydantic.dataclasses import dataclass as document
from torch import Tensor, nn

from baselines.dit4sr.field import Network
from benchmarks.api.documents import STRICT

_Layer = TypeVar("_Layer", bound=nn.Module)


@document(frozen=True, slots=True, kw_only=True, config=STRICT)
class UNetConfig:
    """The size of a velocity network."""

    channels: int = 12  # of z
    condition: int = 96  # channels of z_LR
    width: int = 48  # at full resolution; twice that at half
    blocks: tuple[int, int, int] = (2, 3, 2)  # before, at and after half resolution
    embedding: int = 128  # of times and text
    pooled: int = 32  # width of the pooled text


class Trunk(nn.Module):
    """(B, inputs, h, w) -> normalised features (B, width, h, w); h and w are even."""

    def __init__(
        self, inputs: int, width: int, blocks: tuple[int, int, int], embedding: int = 0
    ) -> None:
        super().__init__()
        before, middle, after = blocks
        self.head = nn.Conv2d(inputs, width, 3, padding=1)
        self.before = nn.ModuleList(_Block(width, embedding) for _ in range(before))
        self.down = nn.Conv2d(width, 2 * width, 2, stride=2)
        self.middle = nn.ModuleList(_Block(2 * width, embedding) for _ in range(middle))
        self.up = nn.Conv2d(2 * width, 4 * width, 1)
        self.after = nn.ModuleList(_Block(width, embedding) for _ in range(after))
        self.norm = _PixelNorm(width)
        self.to(memory_format=torch.channels_last)

    def forward(self, x: Tensor, emb: Tensor | None = None) -> Tensor:
        """Return the features; `emb` (B, embedding) modulates every block, where there is one."""
        x = self.head(x.contiguous(memory_format=torch.channels_last))
        for block in self.before:
            x = block(x, emb)
        h = self.down(x)
        for block in self.middle:
            h = block(h, emb)
        x = x + F.pixel_shuffle(self.up(h), 2).contiguous(memory_format=torch.channels_last)
        for block in self.after:
            x = block(x, emb)
        return cast("Tensor", self.norm(x))


class VelocityUNet(Network):
    """A velocity field's network at small scale, with DiT4SR's inputs.

    z and z_LR go in side by side, text as its pooled vector. `time_text_embed` is diffusers', as
    DiT4SR's is, so that a student's two-time embedding can stand in its place. To the convolutions'
    output comes z itself, with a gain per channel that depends on the times.
    """

    def __init__(self, shape: UNetConfig) -> None:
        super().__init__()
        self.shape = shape
        self.time_text_embed: Any = CombinedTimestepTextProjEmbeddings(
            embedding_dim=shape.embedding, pooled_projection_dim=shape.pooled
        )
        self.trunk = Trunk(
            shape.channels + shape.condition, shape.width, shape.blocks, shape.embedding
        )
        self.gain = _zeroed(nn.Linear(shape.embedding, shape.channels))
        self.proj_out = _zeroed(nn.Conv2d(shape.width, shape.channels, 3, padding=1))

    def forward(
        self, z: Tensor, z_lr: Tensor, text: Tensor, pooled: Tensor, timestep: Tensor
    ) -> Tensor:
        """Return the velocity, of z's shape; of the text the pooled vector alone counts."""
        emb = F.silu(self.time_text_embed(timestep, pooled))
        features = self.trunk(torch.cat([z, z_lr], dim=1), emb)
        gain = self.gain(emb)[..., None, None]
        return cast("Tensor", self.proj_out(features) + gain * z)


class _PixelNorm(nn.Module):
    """Layer normalisation over the channels of each pixel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        rows = x.permute(0, 2, 3, 1)
        return F.layer_norm(rows, rows.shape[-1:], self.weight, self.bias).permute(0, 3, 1, 2)


class _Block(nn.Module):
    """x + conv(silu(conv((1 + scale) norm(x) + shift))), scale and shift from the embedding."""

    def __init__(self, channels: int, embedding: int) -> None:
        super().__init__()
        self.norm = _PixelNorm(channels)
        self.modulate = _zeroed(nn.Linear(embedding, 2 * channels)) if embedding else None
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = _zeroed(nn.Conv2d(channels, channels, 3, padding=1))

    def forward(self, x: Tensor, emb: Tensor | None) -> Tensor:
        h = self.norm(x)
        if self.modulate is not None:
            scale, shift = self.modulate(emb)[..., None, None].chunk(2, dim=1)
            h = h * (1 + scale) + shift
        return cast("Tensor", x + self.conv2(F.silu(self.conv1(h))))


def _zeroed(layer: _Layer) -> _Layer:
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer
