"""A layer whose low-rank update is mixed per image: y = W x + scale * B M^T A x.

M differs from image to image, so that the update cannot be folded into W; with it in between, a
whole batch goes through each layer at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    from baselines.lora import Update


class Mixing:
    """The matrices (B, blocks, r, r) of the images that are being computed."""

    def __init__(self) -> None:
        self.matrices = torch.empty(0)

    def of(self, block: int) -> Tensor:
        """Return the matrices (B, r, r) of one block."""
        return self.matrices[:, block]


class ModulatedLinear(nn.Module):
    """A linear layer (B, n, in) -> (B, n, out) with a mixed update."""

    def __init__(
        self, base: nn.Linear, update: Update, scale: float, mixing: Mixing, block: int
    ) -> None:
        super().__init__()
        self.base, self._mixing, self._block = base, mixing, block
        self.a, self.b = nn.Parameter(update.a), nn.Parameter(scale * update.b)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer and its update."""
        mixed = F.linear(x, self.a) @ self._mixing.of(self._block)
        y: Tensor = self.base(x) + F.linear(mixed, self.b)
        return y


class ModulatedConv2d(nn.Module):
    """A convolution with a mixed update: A is the convolution to r channels, B a 1x1 one."""

    def __init__(
        self, base: nn.Conv2d, update: Update, scale: float, mixing: Mixing, block: int
    ) -> None:
        super().__init__()
        self.base, self._mixing, self._block = base, mixing, block
        self.a, self.b = nn.Parameter(update.a), nn.Parameter(scale * update.b)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer and its update."""
        base = self.base
        low = F.conv2d(x, self.a, None, base.stride, base.padding, base.dilation)  # (B, r, h, w)
        mixing = self._mixing.of(self._block).transpose(1, 2)
        mixed = (mixing @ low.flatten(2)).reshape(low.shape)
        y: Tensor = base(x) + F.conv2d(mixed, self.b)
        return y


def modulate(
    network: nn.Module,
    parts: Mapping[str, Update],
    scale: float,
    mixing: Mixing,
    block_of: Callable[[str], int],
) -> None:
    """Put a modulated layer in the place of each updated one.

    Args:
        network: changed in place.
        parts: updates by layer name.
        scale: of all updates.
        mixing: where the layers find the matrices of the images at hand.
        block_of: gives the block of a layer name.
    """
    for name, update in parts.items():
        base, block = network.get_submodule(name), block_of(name)
        layer: nn.Module
        if isinstance(base, nn.Linear):
            layer = ModulatedLinear(base, update, scale, mixing, block)
        else:
            assert isinstance(base, nn.Conv2d)
            layer = ModulatedConv2d(base, update, scale, mixing, block)
        parent, _, child = name.rpartition(".")
        setattr(network.get_submodule(parent), child, layer)
