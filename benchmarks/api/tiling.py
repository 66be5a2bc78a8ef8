"""Overlapping tiles: run a network on latents larger than it was made for.

The loops of OSEDiff, S3Diff, PiSA-SR, TSD-SR, DiT4SR, SeeSR and FlowSR read differently and come to
one rule: starts every `tile - overlap` pixels, the last tile shifted back to be flush with the
border, predictions averaged with Gaussian weights. What does differ is data in `Tiling`:

| method          | tile | overlap | untiled up to  | midpoints  | sums in   | least sum |
|-----------------|------|---------|----------------|------------|-----------|-----------|
| OSEDiff, S3Diff | 96   | 32      | tile^2 pixels  | asymmetric | float32   | 0         |
| PiSA-SR         | 96   | 32      | tile^2 pixels  | symmetric  | float32   | 0         |
| TSD-SR          | 64   | 8       | tile^2 pixels  | asymmetric | float32   | 0         |
| DiT4SR          | 64   | 24      | tile^2 pixels  | asymmetric | float32   | 0         |
| SeeSR           | 96   | 4       | tile^2 pixels  | asymmetric | float32   | 0         |
| FlowSR          | 96   | 32      | a whole square | symmetric  | as latent | 1.6e-5    |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from benchmarks.api.errors import ConfigError

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A rectangle of an image or latent, in its pixels."""

    y: int
    x: int
    height: int
    width: int

    def crop(self, image: Tensor, *, scale: int = 1) -> Tensor:
        """Return the tile of `image` (..., scale*H, scale*W), as a view."""
        top, left = scale * self.y, scale * self.x
        bottom, right = top + scale * self.height, left + scale * self.width
        return image[..., top:bottom, left:right]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiling:
    """How a method cuts its latents into tiles, and how it joins the predictions."""

    tile: int  # side of a tile; at most the shorter side of the latent
    overlap: int  # less where a latent is so narrow that upstream would not end; see `narrow`
    untiled: Literal["area", "square"] = "area"  # area: up to tile^2 pixels, whatever the sides
    symmetric: bool = False  # False: upstream's weights, whose row midpoint is half a pixel low
    variance: float = 0.01  # of the weights, in units of the tile's side squared
    floor: float = 0.0  # least sum of densities; FlowSR's fades the corners of the latent
    narrow: Literal["half", "whole"] = "half"  # most overlap: half a tile, or all but one pixel

    def __post_init__(self) -> None:
        if not 0 <= self.overlap < self.tile:
            raise ConfigError(f"tiles of {self.tile} cannot overlap by {self.overlap}")

    def __str__(self) -> str:
        return f"latent {self.tile}, overlap {self.overlap}, Gaussian weights"

    def grid(self, height: int, width: int) -> tuple[Tile, ...]:
        """Return the tiles of a latent, column by column; one tile if it is not to be cut."""
        side = min(self.tile, height, width)
        largest = self.tile if self.untiled == "area" else side
        if height * width <= largest * largest:
            return (Tile(y=0, x=0, height=height, width=width),)
        stride = side - min(self.overlap, side // 2 if self.narrow == "half" else side - 1)
        return tuple(
            Tile(y=y, x=x, height=side, width=side)
            for x in starts(width, side, stride)
            for y in starts(height, side, stride)
        )

    def weights(self, side: int) -> Tensor:
        """Return the weights (side, side) of a tile's pixels, float64.

        exp(-(k - m)^2 / (2 var side^2)) / sqrt(2 pi var) per axis, with m = (side - 1) / 2; rows
        have m = side / 2 where the tiling is not symmetric.
        """
        import torch

        columns = _gaussian(side, (side - 1) / 2, self.variance)
        rows = columns if self.symmetric else _gaussian(side, side / 2, self.variance)
        return torch.outer(rows, columns)


def starts(length: int, tile: int, stride: int) -> tuple[int, ...]:
    """Return where tiles start along one axis: every `stride`, the last one flush with the end."""
    last = length - tile
    return (*range(0, last, stride), last)


def _gaussian(side: int, midpoint: float, variance: float) -> Tensor:
    import math

    import torch

    distance = torch.arange(side, dtype=torch.float64) - midpoint
    return torch.exp(-(distance**2) / (side**2 * 2 * variance)) / math.sqrt(2 * math.pi * variance)


def predict_tiled(
    predict: Callable[[Tile], Tensor],
    size: tuple[int, int],
    tiling: Tiling,
    *,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """Return a prediction for a whole latent from predictions for its tiles.

    Args:
        predict: gives the prediction (B, C, t, t) of one tile; it crops all that the network
            sees with `Tile.crop`.
        size: (H, W) of the latent.
        tiling: how to cut and join.
        dtype: of weights and sums, as FlowSR has them; None for float64 weights and float32 sums,
            as all others have them.

    Returns:
        (B, C, H, W) of the dtype of the sums; what `predict` gave if one tile covers the latent.
    """
    import torch

    tiles = tiling.grid(*size)
    if len(tiles) == 1:
        return predict(tiles[0])
    weights = tiling.weights(tiles[0].height).to(dtype or torch.float64)
    total = mass = torch.empty(0)
    for index, tile in enumerate(tiles):
        prediction = predict(tile)
        if index == 0:
            weights = weights.to(prediction.device)
            shape = (*prediction.shape[:-2], *size)
            total = prediction.new_zeros(shape, dtype=dtype or torch.float32)
            mass = total.new_zeros(size)
        tile.crop(total).add_(prediction * weights)
        tile.crop(mass).add_(weights)
    return total / mass.clamp_min(tiling.floor)
