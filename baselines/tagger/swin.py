"""Swin Transformer (Liu et al., ICCV 2021) as RAM uses it: all tokens, and their mean in front.

Rewritten with the key names of the official checkpoints. Shapes: B = images, H x W = tokens of a
stage, C = channels, N = tokens of a window, W = windows of an image, h = heads.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_PATCH = 4  # image pixels per token side
_SEPARATE = -100.0  # added to logits of token pairs that the cyclic shift made neighbours


@dataclass(frozen=True, slots=True, kw_only=True)
class SwinConfig:
    """Size of a Swin Transformer; the default is Swin-L at 384 pixels."""

    image_size: int = 384
    channels: int = 192
    depths: tuple[int, ...] = (2, 2, 18, 2)
    heads: tuple[int, ...] = (6, 12, 24, 48)
    window: int = 12

    @property
    def width(self) -> int:
        """Channels of the last stage."""
        return self.channels << (len(self.depths) - 1)


class Swin(nn.Module):
    """Images (B, 3, S, S) -> tokens (B, 1 + n, C); token 0 is the mean of the others."""

    def __init__(self, config: SwinConfig) -> None:
        super().__init__()
        self.image_size = config.image_size
        self.patch_embed = _PatchEmbed(config.channels)
        side = config.image_size // _PATCH
        stages = len(config.depths)
        self.layers = nn.ModuleList(
            _Stage(
                channels=config.channels * 2**index,
                side=side // 2**index,
                depth=config.depths[index],
                heads=config.heads[index],
                window=config.window,
                merge=index < stages - 1,
            )
            for index in range(stages)
        )
        self.norm = nn.LayerNorm(config.width)

    def forward(self, image: Tensor) -> Tensor:
        """Encode images of the configured size."""
        x = self.patch_embed(image)  # (B, H, W, C)
        for stage in self.layers:
            x = stage(x)
        tokens = self.norm(x.flatten(1, 2))
        return torch.cat([tokens.mean(dim=1, keepdim=True), tokens], dim=1)


class _PatchEmbed(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, channels, kernel_size=_PATCH, stride=_PATCH)
        self.norm = nn.LayerNorm(channels)

    def forward(self, image: Tensor) -> Tensor:
        tokens: Tensor = self.norm(self.proj(image).permute(0, 2, 3, 1))
        return tokens


class _Stage(nn.Module):
    def __init__(
        self, *, channels: int, side: int, depth: int, heads: int, window: int, merge: bool
    ) -> None:
        super().__init__()
        # A window as large as the stage is not shifted: there is nothing beside it.
        shift = window // 2 if side > window else 0
        window = min(window, side)
        self.blocks = nn.ModuleList(
            _Block(channels, heads, side, window, shift if index % 2 else 0)
            for index in range(depth)
        )
        self.downsample = _PatchMerging(channels) if merge else None

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return x if self.downsample is None else self.downsample(x)


class _PatchMerging(nn.Module):
    """2 x 2 tokens of C channels -> one of 2C."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduction = nn.Linear(4 * channels, 2 * channels, bias=False)
        self.norm = nn.LayerNorm(4 * channels)

    def forward(self, x: Tensor) -> Tensor:
        corners = [x[:, row::2, column::2] for column in (0, 1) for row in (0, 1)]
        merged: Tensor = self.reduction(self.norm(torch.cat(corners, dim=-1)))
        return merged


class _Block(nn.Module):
    def __init__(self, channels: int, heads: int, side: int, window: int, shift: int) -> None:
        super().__init__()
        self.window, self.shift = window, shift
        self.norm1 = nn.LayerNorm(channels)
        self.attn = _WindowAttention(channels, heads, window)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = _MLP(channels)
        mask = _shift_mask(side, window, shift) if shift else None
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        side = x.shape[1]
        shifted = torch.roll(self.norm1(x), (-self.shift, -self.shift), dims=(1, 2))
        windows = _partition(shifted, self.window)  # (B, W, N, C)
        joined = _join(self.attn(windows, self.mask), side)
        x = x + torch.roll(joined, (self.shift, self.shift), dims=(1, 2))
        mixed: Tensor = x + self.mlp(self.norm2(x))
        return mixed


class _MLP(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, 4 * channels)
        self.fc2 = nn.Linear(4 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return mixed


class _WindowAttention(nn.Module):
    """Self-attention within windows, with a learnt bias per head and relative position."""

    positions: Tensor

    def __init__(self, channels: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads = heads
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * window - 1) ** 2, heads))
        self.register_buffer("positions", _relative_positions(window), persistent=False)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)

    def forward(self, windows: Tensor, mask: Tensor | None) -> Tensor:
        batch, count, tokens, channels = windows.shape
        qkv = self.qkv(windows).reshape(batch, count, tokens, 3, self.heads, -1)
        q, k, v = qkv.permute(3, 0, 1, 4, 2, 5)  # each (B, W, h, N, C/h)
        bias = self.relative_position_bias_table[self.positions].permute(2, 0, 1)  # (h, N, N)
        if mask is not None:
            bias = bias + mask[:, None].to(bias.dtype)  # (W, h, N, N)
        x = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.expand(batch, count, -1, -1, -1))
        mixed: Tensor = self.proj(x.transpose(2, 3).reshape(batch, count, tokens, channels))
        return mixed


def _relative_positions(window: int) -> Tensor:
    """Return the row of the bias table for each pair of a window's tokens, (N, N)."""
    axis = torch.arange(window)
    y, x = (grid.flatten() for grid in torch.meshgrid(axis, axis, indexing="ij"))
    rows = y[:, None] - y[None, :] + window - 1
    columns = x[:, None] - x[None, :] + window - 1
    return rows * (2 * window - 1) + columns


def _shift_mask(side: int, window: int, shift: int) -> Tensor:
    """Return what is added to the logits of a shifted stage's windows, (W, N, N).

    Rolling brings the first rows and columns beside the last ones; tokens of different regions do
    not attend to each other.
    """
    edges = torch.zeros(side, dtype=torch.long)
    edges[-window:] = 1
    edges[-shift:] = 2
    regions = (3 * edges[:, None] + edges[None, :])[None, ..., None]
    labels = _partition(regions, window)[0, ..., 0]  # (W, N)
    apart = labels[:, :, None] != labels[:, None, :]
    return apart.float() * _SEPARATE


def _partition(x: Tensor, window: int) -> Tensor:
    """(B, H, W, C) -> windows (B, H W / window^2, window^2, C), row by row."""
    batch, height, width, channels = x.shape
    x = x.reshape(batch, height // window, window, width // window, window, channels)
    return x.transpose(2, 3).reshape(batch, -1, window * window, channels)


def _join(windows: Tensor, side: int) -> Tensor:
    """Undo `_partition` of a (B, side, side, C) map."""
    batch, _, tokens, channels = windows.shape
    window = int(tokens**0.5)
    x = windows.reshape(batch, side // window, side // window, window, window, channels)
    return x.transpose(2, 3).reshape(batch, side, side, channels)
