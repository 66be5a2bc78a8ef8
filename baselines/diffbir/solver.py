"""Version 2.1's sampler: DPM-Solver++(3M) SDE (Lu et al., 2022) over x = z / sqrt(abar).

sigma = sqrt((1 - abar) / abar); with lambda = -log sigma, each step goes by h in lambda, keeps
exp(-2 h) of x, and extrapolates x0 from the last two or three of its values.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from baselines.diffbir.network import zero_snr_table
from baselines.sd21.ancestral import TIMESTEPS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

_LEAST_ABAR = 1e-8  # in the place of the first timestep's abar, which is 0: sigma is 1e4


def falling(steps: int) -> tuple[int, ...]:
    """Return evenly spaced timesteps from 999, without 0: 10 steps are 999, 899, 799 ... 99."""
    last = TIMESTEPS - 1
    return tuple(int(last - last * index / steps) for index in range(steps))


def abar_of(timestep: int) -> float:
    """Return abar of a timestep of the zero-SNR table, no less than 1e-8."""
    return max(zero_snr_table()[timestep], _LEAST_ABAR)


def sample(
    noise: Tensor,
    predict_x0: Callable[[Tensor, int], Tensor],
    timesteps: Sequence[int],
    draw: Callable[[], Tensor],
) -> Tensor:
    """Return x0 of the last timestep, float32.

    Args:
        noise: N(0, 1) of the latents' shape.
        predict_x0: gives x0 of latents z_t and their timestep.
        timesteps: falling, from 999.
        draw: gives N(0, 1) noise of the latents' shape; called once between two timesteps.
    """
    roots = [abar_of(timestep) ** 0.5 for timestep in timesteps]
    sigmas = [(1 - root**2) ** 0.5 / root for root in roots]
    x = noise.float() / roots[0]
    known: list[tuple[float, Tensor]] = []  # lambda and x0 of the steps before, the latest first
    for index, timestep in enumerate(timesteps[:-1]):
        x0 = predict_x0(x * roots[index], timestep).float()
        here, there = (-math.log(sigma) for sigma in sigmas[index : index + 2])
        kept = math.exp(-2 * (there - here))
        x = kept * x + (1 - kept) * x0 + _curve(here, there, x0, known)
        deviation = sigmas[index + 1] * (1 - kept) ** 0.5
        x = x + deviation * draw().to(x.device).float()
        known = [(here, x0), *known[:1]]
    return predict_x0(x * roots[-1], timesteps[-1]).float()


def _curve(
    here: float, there: float, x0: Tensor, known: Sequence[tuple[float, Tensor]]
) -> Tensor | float:
    """Return what x gains by x0's slope and curvature, from the steps that are `known`."""
    if not known:
        return 0.0
    h = there - here
    phi_2 = math.expm1(-2 * h) / (2 * h) + 1
    before, x0_before = known[0]
    slope = (x0 - x0_before) * (h / (here - before))
    if len(known) == 1:
        return phi_2 * slope
    phi_3 = phi_2 / (2 * h) - 0.5
    earlier, x0_earlier = known[1]
    r0, r1 = (here - before) / h, (before - earlier) / h
    bend = slope - (x0_before - x0_earlier) / r1
    return phi_2 * (slope + bend * (r0 / (r0 + r1))) - phi_3 * (bend / (r0 + r1))
