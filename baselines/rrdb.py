"""Residual-in-residual dense blocks (ESRGAN; Wang et al., ECCV Workshops 2018), and BSRNet of them.

Tensors have the names of the official BSRNet file.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_RESIDUAL = 0.2  # weight of a block's and of a dense block's output
_SLOPE = 0.2


class RRDB(nn.Module):
    """(B, C, h, w) -> (B, C, h, w): three dense blocks, added to their input."""

    def __init__(self, channels: int, growth: int = 32) -> None:
        super().__init__()
        self.RDB1 = _Dense(channels, growth)
        self.RDB2 = _Dense(channels, growth)
        self.RDB3 = _Dense(channels, growth)

    def forward(self, x: Tensor) -> Tensor:
        """Refine features."""
        refined: Tensor = self.RDB3(self.RDB2(self.RDB1(x)))
        return x + _RESIDUAL * refined


class _Dense(nn.Module):
    """Five convolutions, each of which sees the input and the outputs of those before it."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        widths = (growth, growth, growth, growth, channels)
        for index, width in enumerate(widths):
            convolution = nn.Conv2d(channels + index * growth, width, 3, 1, 1)
            self.add_module(f"conv{index + 1}", convolution)

    def forward(self, x: Tensor) -> Tensor:
        features = [x]
        *growing, last = self.children()
        for convolution in growing:
            features.append(F.leaky_relu(convolution(torch.cat(features, 1)), _SLOPE))
        refined: Tensor = last(torch.cat(features, 1))
        return x + _RESIDUAL * refined


class RRDBNet(nn.Module):
    """LR images (B, 3, h, w) in [0, 1] -> images (B, 3, 4h, 4w), not clamped; BSRNet's size."""

    def __init__(self, channels: int = 64, blocks: int = 23, growth: int = 32) -> None:
        super().__init__()
        self.conv_first = nn.Conv2d(3, channels, 3, 1, 1)
        self.RRDB_trunk = nn.Sequential(*(RRDB(channels, growth) for _ in range(blocks)))
        self.trunk_conv = nn.Conv2d(channels, channels, 3, 1, 1)
        self.upconv1 = nn.Conv2d(channels, channels, 3, 1, 1)
        self.upconv2 = nn.Conv2d(channels, channels, 3, 1, 1)
        self.HRconv = nn.Conv2d(channels, channels, 3, 1, 1)
        self.conv_last = nn.Conv2d(channels, 3, 3, 1, 1)

    def forward(self, lr: Tensor) -> Tensor:
        """Restore images."""
        x = self.conv_first(lr)
        x = x + self.trunk_conv(self.RRDB_trunk(x))
        for convolution in (self.upconv1, self.upconv2):
            x = F.leaky_relu(convolution(F.interpolate(x, scale_factor=2)), _SLOPE)
        sr: Tensor = self.conv_last(F.leaky_relu(self.HRconv(x), _SLOPE))
        return sr
