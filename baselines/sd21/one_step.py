"""One evaluation of the U-Net at t = 999, and the clean latent that it predicts."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from benchmarks.api.tiling import Tile, Tiling, predict_tiled

TIMESTEP = 999


@cache
def alpha_bar(timestep: int = TIMESTEP) -> float:
    """Return the cumulative product of 1 - beta up to `timestep`, of SD 2.1's schedule.

    Scaled linear, beta from 0.00085 to 0.012 in 1000 steps, in float32 as diffusers has it.
    """
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float32) ** 2
    return float(torch.cumprod(1 - betas, dim=0)[timestep])


def predict_x0(z: Tensor, eps: Tensor, timestep: int = TIMESTEP) -> Tensor:
    """Return x0 = (z - sqrt(1 - abar) eps) / sqrt(abar), in float32.

    At t = 999 the factor 1 / sqrt(abar) is 14.6: in float16 it would cost two decimal digits. This
    is what one step of upstream's DDPM scheduler comes to, whose previous step is before the first.
    """
    abar = torch.tensor(alpha_bar(timestep), dtype=torch.float32)
    signal, noise = abar.sqrt().item(), (1 - abar).sqrt().item()
    return (z.float() - noise * eps.float()) / signal


def denoise(z: Tensor, predict_eps: Callable[[Tensor], Tensor], tiling: Tiling) -> Tensor:
    """Return x0 (B, 4, h, w), float32, of latents; eps is averaged over tiles where z is large.

    Args:
        z: scaled latents (B, 4, h, w).
        predict_eps: gives eps of a crop of z.
        tiling: the method's tiles.
    """

    def of_tile(tile: Tile) -> Tensor:
        return predict_eps(tile.crop(z))

    height, width = z.shape[-2:]
    return predict_x0(z, predict_tiled(of_tile, (height, width), tiling))
