"""SUPIR's sampler: Euler steps of EDM (Karras et al., 2022) with churn, on the sigmas of DDPM.

sigma = sqrt((1 - abar) / abar) of the 1000 timesteps; the network is told the nearest of them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from baselines.sd21.ancestral import TIMESTEPS
from baselines.sd21.one_step import alpha_bar

if TYPE_CHECKING:
    from baselines.streams import Draw

_CHURN, _NOISE = 5.0, 1.01
_MOST_CHURN = 2**0.5 - 1
LEAST_STEPS = 13  # of which no churn is cut off: 5 / 13 is below sqrt(2) - 1

# x0 of latents, their sigma and the nearest timestep.
Denoise = Callable[[Tensor, float, int], Tensor]


@cache
def table() -> tuple[float, ...]:
    """Return the sigmas of all timesteps, rising."""
    abar = (alpha_bar(timestep) for timestep in range(TIMESTEPS))
    return tuple(((1 - a) / a) ** 0.5 for a in abar)


def sigmas_of(steps: int) -> list[float]:
    """Return the sigmas of so many steps, falling, and 0."""
    timesteps = np.linspace(TIMESTEPS - 1, 0, steps, endpoint=False).astype(int)
    return [*(table()[t] for t in timesteps), 0.0]


def nearest(sigma: float) -> int:
    """Return the index of the table's sigma that is nearest."""
    return int(np.abs(np.asarray(table()) - sigma).argmin())


def guidance_at(sigma: float, last: float, first: float) -> float:
    """Return the guidance scale at a sigma: linear from `last` at 0 to `first` at the largest."""
    return last + (first - last) * sigma / table()[-1]


def sample(noise: Tensor, denoise: Denoise, steps: int, draw: Draw) -> Tensor:
    """Return the restored latents, float32.

    Args:
        noise: N(0, 1), the start.
        denoise: gives x0 of latents, their sigma and the nearest timestep.
        steps: how many.
        draw: gives N(0, 1) noise, once a step.
    """
    sigmas = sigmas_of(steps)
    x = noise.float() * (1 + sigmas[0] ** 2) ** 0.5
    gamma = min(_CHURN / steps, _MOST_CHURN)
    for sigma, following in pairwise(sigmas):
        # Add noise to reach a higher sigma.
        higher = sigma * (1 + gamma)
        x = x + _NOISE * (higher**2 - sigma**2) ** 0.5 * draw().to(x.device)
        # Euler step.
        x0 = denoise(x, higher, nearest(higher)).float()
        x = x + (x - x0) / higher * (following - higher)
    restored: Tensor = x
    return restored


def predict_x0(x: Tensor, eps: Callable[[Tensor], Tensor], index: int) -> Tensor:
    """Return x0 = x - sigma eps(x / sqrt(sigma^2 + 1)), sigma the table's, in float32."""
    sigma = table()[index]
    x0: Tensor = x - sigma * eps(x / (sigma**2 + 1) ** 0.5).float()
    return x0
