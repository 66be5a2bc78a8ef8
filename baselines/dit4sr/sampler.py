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


def sigma_of(value: float, z: Tensor) -> Tensor:
    """Return one time for all samples of a batch, (B,)."""
    return torch.full((len(z),), value, device=z.device)
