"""Large LR images in overlapping tiles, averaged where they overlap, as ResShift cuts them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def tile_starts(length: int, size: int, stride: int) -> list[int]:
    """Return where the tiles of a side begin; a tile that would leave the image is moved back.

    >>> tile_starts(1200, 512, 448)
    [0, 448, 688]
    """
    if length <= size:
        return [0]
    starts = (min(start, length - size) for start in range(0, length, stride))
    return list(dict.fromkeys(starts))


def restore_in_tiles(
    lr: Tensor, restore: Callable[[Tensor], Tensor], *, size: int, stride: int, scale: int
) -> Tensor:
    """Restore LR images tile by tile and average the results, each with weight one.

    Args:
        lr: images (B, C, h, w).
        restore: turns (B, C, a, b) into (B, C, scale*a, scale*b).
        size: largest side of a tile, in LR pixels; smaller images are one tile.
        stride: LR pixels from one tile to the next.
        scale: magnification.
    """
    import torch

    height, width = lr.shape[-2:]
    if height <= size and width <= size:
        return restore(lr)
    total = torch.zeros(*lr.shape[:-2], scale * height, scale * width, device=lr.device)
    count = torch.zeros(scale * height, scale * width, device=lr.device)
    for top in tile_starts(height, size, stride):
        for left in tile_starts(width, size, stride):
            sr = restore(lr[..., top : top + size, left : left + size])
            rows = slice(scale * top, scale * top + sr.shape[-2])
            columns = slice(scale * left, scale * left + sr.shape[-1])
            total[..., rows, columns] += sr
            count[rows, columns] += 1
    return total / count
