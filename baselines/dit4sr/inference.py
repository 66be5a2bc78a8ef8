"""What restoring by a velocity field takes: starting noise, tiles, guided Euler steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Generator, Tensor

from baselines.dit4sr.field import Condition, Velocity
from baselines.dit4sr.sampler import guided, sample_euler
from baselines.sd3.noise_levels import shifted_sigmas
from benchmarks.api.tiling import Tile, Tiling, predict_tiled

if TYPE_CHECKING:
    from collections.abc import Sequence


def starting_noise(z_lr: Tensor, generators: Sequence[Generator]) -> Tensor:
    """Return the starting noise of a batch, drawn per image, on the CPU."""
    drawn = [torch.randn(z_lr.shape[1:], generator=g) for g in generators]
    return torch.stack(drawn).to(z_lr.device)


def restore_latent(
    velocity: Velocity,
    eps: Tensor,
    c: Condition,
    tiling: Tiling,
    *,
    steps: int,
    shift: float,
    guidance: float = 1.0,
    other: Condition | None = None,
) -> Tensor:
    """Return the latents that Euler steps lead to; two evaluations per step under guidance.

    Args:
        velocity: the field.
        eps: where the steps start, (B, C, H, W).
        c: the condition.
        tiling: the method's tiles.
        steps: how many.
        shift: of the noise levels.
        guidance: its scale; 1 is without.
        other: the condition that guidance leads away from; not used without guidance.
    """
    tiled = _tiled_velocity(velocity, tiling)
    if guidance != 1:
        assert other is not None
        tiled = guided(tiled, other, scale=guidance)
    return sample_euler(tiled, eps, c, shifted_sigmas(steps, shift))


def _tiled_velocity(v: Velocity, tiling: Tiling) -> Velocity:
    """Return the velocity that is the weighted mean of `v` over tiles."""

    def tiled(z: Tensor, sigma: Tensor, c: Condition, /) -> Tensor:
        def at(tile: Tile) -> Tensor:
            return v(tile.crop(z), sigma, cropped(c, tile))

        return predict_tiled(at, (z.shape[-2], z.shape[-1]), tiling)

    return tiled


def cropped(c: Condition, tile: Tile) -> Condition:
    """Return the part of a condition that a tile sees."""
    return Condition(tile.crop(c.z_lr), c.text, c.pooled)
