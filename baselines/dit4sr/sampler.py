"""From noise to data by Euler steps under guidance."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from baselines.dit4sr.field import Condition, Velocity


def sample_euler(v: Velocity, eps: Tensor, c: Condition, sigmas: Sequence[float]) -> Tensor:
    """Return data by Euler's method over the noise levels `sigmas`, which end at 0."""
    z = eps
    for sigma, following in itertools.pairwise(sigmas):
        z = z + (following - sigma) * v(z, sigma_of(sigma, z), c)
    return z


def guided(v: Velocity, other: Condition, *, scale: float) -> Velocity:
    """Return V_other + scale (V_c - V_other): a guidance scale of 1 + w is Eq. 11's w."""

    def velocity(z: Tensor, sigma: Tensor, c: Condition, /) -> Tensor:
        # The unconditional half comes first in the batch, as upstream has it.
        both = v(torch.cat([z, z]), sigma.repeat(2), other.joined(c))
        v_other, v_c = both.chunk(2)
        return v_other + scale * (v_c - v_other)

    return velocity


def shifted_sigmas(steps: int, shift: float, *, trained: int = 1000) -> list[float]:
    """Return the noise levels of diffusers' FlowMatchEulerDiscreteScheduler, with the final 0.

    Its lowest level is itself shifted before the spacing and then shifted again: 40 steps at shift
    3 run 1.0, 0.99133, ..., 0.08105, 0.00893, 0.
    """

    def shifted(level: float) -> float:
        return shift * level / (1 + (shift - 1) * level)

    lowest = shifted(1 / trained)
    spaced = torch.linspace(1.0, lowest, steps, dtype=torch.float64).tolist()
    return [*map(shifted, spaced), 0.0]


def sigma_of(value: float, z: Tensor) -> Tensor:
    """Return one time for all samples of a batch, (B,)."""
    return torch.full((len(z),), value, device=z.device)
