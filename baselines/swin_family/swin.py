"""Swin Transformer layers on feature maps (B, C, H, W), as ResShift and its descendants use them.

They differ from the Swin paper (arXiv 2103.14030): normalisation is GroupNorm over the whole map,
the MLP is made of 1x1 convolutions, and the mask of shifted windows is another one
(`column_mask`). Parameter names are those of the official checkpoints.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_MASKED = -100.0  # added to the logits of pairs that must not see each other


class GroupNorm32(nn.GroupNorm):
    """Group normalisation in 32 groups, computed in float32 whatever the input."""

    def __init__(self, channels: int) -> None:
        super().__init__(32, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised map, in the dtype of `x`."""
        return super().forward(x.float()).to(x.dtype)


def relative_position_index(window: int) -> Tensor:
    """Return for each pair of tokens of a window its row in the bias table, (w*w, w*w) int64."""
    row, column = torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")
    offsets = [axis.reshape(-1, 1) - axis.reshape(1, -1) + window - 1 for axis in (row, column)]
    return offsets[0] * (2 * window - 1) + offsets[1]


def column_mask(window: int) -> Tensor:
    """Return what is added to the logits of the last row of shifted windows, (w*w, w*w).

    A textbook mask keeps apart the image's far edges, which the cyclic shift brings together. The
    official code (ResShift, `calculate_mask`) indexes its label image on the wrong axis: only the
    last row of windows is masked, all of it alike, between the left and the right half of each
    window. The released weights were trained with that, so it is part of the network.
    """
    right_half = (torch.arange(window) >= window // 2).repeat(window)  # (w*w,), row-major tokens
    return torch.where(right_half[:, None] == right_half[None, :], 0.0, _MASKED)


class WindowAttention(nn.Module):
    """Self-attention inside windows, with a learned bias per relative position."""

    relative_position_index: Tensor
    column_mask: Tensor

    def __init__(self, channels: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads = heads
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * window - 1) ** 2, heads))
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)
        self.register_buffer(
            "relative_position_index", relative_position_index(window), persistent=False
        )
        self.register_buffer("column_mask", column_mask(window), persistent=False)

    def forward(self, x: Tensor, *, shifted: bool) -> Tensor:
        """Attend inside each window.

        Args:
            x: tokens (B, R, S, N, C): R rows of S windows of N tokens.
            shifted: whether the map was rolled, so that its last row of windows is masked.
        """
        bias = self.relative_position_bias_table[self.relative_position_index]  # (N, N, heads)
        bias = bias.permute(2, 0, 1)
        qkv = self.qkv(x)  # (B, R, S, N, 3C)
        if shifted:
            upper = self._attend(qkv[:, :-1], bias)
            last = self._attend(qkv[:, -1:], bias + self.column_mask)
            y = torch.cat([upper, last], dim=1)
        else:
            y = self._attend(qkv, bias)
        out: Tensor = self.proj(y)
        return out

    def _attend(self, qkv: Tensor, bias: Tensor) -> Tensor:
        tokens, channels = qkv.shape[-2], qkv.shape[-1] // 3
        heads = qkv.reshape(-1, tokens, 3, self.heads, channels // self.heads)
        q, k, v = heads.permute(2, 0, 3, 1, 4)  # each (B*R*S, heads, N, d)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype).unsqueeze(0))
        return y.transpose(1, 2).reshape(*qkv.shape[:-1], -1)


class ConvMLP(nn.Module):
    """Two 1x1 convolutions with GELU between them."""

    def __init__(self, channels: int, ratio: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, ratio * channels, 1)
        self.fc2 = nn.Conv2d(ratio * channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the same shape."""
        out: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return out


class SwinBlock(nn.Module):
    """Window attention and an MLP, each after a norm and beside a residual."""

    def __init__(self, channels: int, heads: int, *, window: int, mlp_ratio: int, shift: int):
        super().__init__()
        self.window, self.shift = window, shift
        self.norm1 = GroupNorm32(channels)
        self.attn = WindowAttention(channels, heads, window)
        self.norm2 = GroupNorm32(channels)
        self.mlp = ConvMLP(channels, mlp_ratio)

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the same shape, (B, C, H, W); H and W are multiples of the window."""
        y = self.norm1(x).roll((-self.shift, -self.shift), dims=(2, 3))
        y = self._merge(self.attn(self._partition(y), shifted=self.shift > 0))
        x = x + y.roll((self.shift, self.shift), dims=(2, 3))
        out: Tensor = x + self.mlp(self.norm2(x))
        return out

    def _partition(self, x: Tensor) -> Tensor:
        """Cut (B, C, H, W) into windows of row-major tokens, (B, R, S, N, C)."""
        batch, channels, height, width = x.shape
        w = self.window
        x = x.reshape(batch, channels, height // w, w, width // w, w)
        return x.permute(0, 2, 4, 3, 5, 1).flatten(3, 4)

    def _merge(self, x: Tensor) -> Tensor:
        """Put windows (B, R, S, N, C) back together, (B, C, H, W)."""
        x = x.reshape(*x.shape[:3], self.window, self.window, -1)  # (B, R, S, w, w, C)
        return x.permute(0, 5, 1, 3, 2, 4).flatten(4, 5).flatten(2, 3)


class Projection(nn.Module):
    """A 1x1 convolution called `proj`."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels_in, channels_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the map with its channels projected."""
        out: Tensor = self.proj(x)
        return out


class SwinLayer(nn.Module):
    """Swin blocks at their own width, between two projections.

    Args:
        channels: channels of the map around the layer.
        width: channels inside.
        heads: attention heads.
        depth: number of blocks; every second one is shifted by half a window.
        resolution: side of the map at the training size. Where one window covers it, no block is
            shifted, whatever the size of the map given.
        residual_conv: add a 3x3 convolution and a residual around the layer (CTMSR); without it
            the output replaces the input (ResShift).
    """

    def __init__(
        self,
        channels: int,
        *,
        width: int,
        heads: int,
        depth: int,
        resolution: int,
        window: int = 8,
        mlp_ratio: int = 4,
        residual_conv: bool = False,
    ) -> None:
        super().__init__()
        half = window // 2 if resolution > window else 0
        self.patch_embed = Projection(channels, width)
        self.blocks = nn.Sequential(
            *(
                SwinBlock(width, heads, window=window, mlp_ratio=mlp_ratio, shift=half * (i % 2))
                for i in range(depth)
            )
        )
        self.patch_unembed = Projection(width, channels)
        self.conv = nn.Conv2d(channels, channels, 3, padding=1) if residual_conv else None

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the same shape."""
        y: Tensor = self.patch_unembed(self.blocks(self.patch_embed(x)))
        return y if self.conv is None else self.conv(y) + x


def constant_names(network: nn.Module) -> frozenset[str]:
    """Return the names of the constants that official checkpoints carry beside the parameters.

    They follow from the configuration, and the mask from the size of the image: a checkpoint's are
    passed over.
    """
    names = set()
    for name, module in network.named_modules():
        if isinstance(module, WindowAttention):
            names.add(f"{name}.relative_position_index")
        if isinstance(module, SwinBlock) and module.shift:
            names.add(f"{name}.attn_mask")
    return frozenset(names)
