"""Large LR images in overlapping tiles, averaged where they overlap, as ResShift and InvSR do."""

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
    lr: Tensor,
    restore: Callable[[Tensor], Tensor],
    *,
    size: int,
    stride: int,
    scale: int,
    weigh: Callable[[int, int], Tensor] | None = None,
) -> Tensor:
    """Restore LR images tile by tile and average the results.

    Args:
        lr: images (B, C, h, w).
        restore: turns (B, C, a, b) into (B, C, scale*a, scale*b).
        size: largest side of a tile, in LR pixels; smaller images are one tile.
        stride: LR pixels from one tile to the next.
        scale: magnification.
        weigh: gives the weights of a restored tile of a height and width, in the dtype of the sums;
            None for one, in float32.
    """
    import torch

    height, width = lr.shape[-2:]
    if height <= size and width <= size:
        return restore(lr)
    dtype = weigh(1, 1).dtype if weigh else torch.float32
    shape = (scale * height, scale * width)
    total = torch.zeros(*lr.shape[:-2], *shape, dtype=dtype, device=lr.device)
    mass = torch.zeros(shape, dtype=dtype, device=lr.device)
    for top in tile_starts(height, size, stride):
        for left in tile_starts(width, size, stride):
            sr = restore(lr[..., top : top + size, left : left + size])
            rows = slice(scale * top, scale * top + sr.shape[-2])
            columns = slice(scale * left, scale * left + sr.shape[-1])
            weights = weigh(*sr.shape[-2:]).to(total.device) if weigh else mass.new_ones(1)
            total[..., rows, columns] += sr * weights
            mass[rows, columns] += weights
    return total / mass
