"""From noise to data over intervals: z <- z + (r - t) U(z, t, r)."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from baselines.dit4sr.field import Condition, evaluate
from baselines.dit4sr.inference import cropped
from benchmarks.api.tiling import Tile, Tiling, predict_tiled

if TYPE_CHECKING:
    from baselines.dit4sr.field import Network


def grid(steps: int) -> list[float]:
    """Return the times of N steps, (1 - cos(pi i / N)) / 2, from 1 down to 0."""
    return [(1 - math.cos(math.pi * i / steps)) / 2 for i in range(steps, -1, -1)]


def average_velocity(network: Network, z: Tensor, t: float, r: float, c: Condition) -> Tensor:
    """Return U(z, t, r | c), (B, C, H, W), in float32; times are kept in float32."""
    times = torch.tensor([[t, r]], device=z.device).expand(len(z), 2)
    return evaluate(network, z, times, c).float()


def sample(network: Network, eps: Tensor, c: Condition, tiling: Tiling, *, steps: int) -> Tensor:
    """Return the latents that steps over `grid` lead to, U averaged over tiles."""
    z = eps
    for t, r in itertools.pairwise(grid(steps)):

        def at(tile: Tile, z: Tensor = z, t: float = t, r: float = r) -> Tensor:
            return average_velocity(network, tile.crop(z), t, r, cropped(c, tile))

        z = z + (r - t) * predict_tiled(at, (z.shape[-2], z.shape[-1]), tiling)
    return z
