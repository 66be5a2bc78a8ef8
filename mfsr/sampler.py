"""From noise to data by average-velocity steps: the paper's Algorithm 2."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from baselines.dit4sr.sampler import sigma_of

if TYPE_CHECKING:
    from torch import Tensor

    from baselines.dit4sr.field import Condition
    from mfsr.flow import AverageVelocity


def sample_average(u: AverageVelocity, eps: Tensor, c: Condition, *, steps: int) -> Tensor:
    """Return data by N evaluations of U (Algorithm 2): z_r = z_sigma - (sigma - r) U(z, sigma, r).

    The N + 1 noise levels are uniform, 1 - n/N, without the teacher's shift. One step is
    x = eps - U(eps, 1, 0).
    """
    z = eps
    levels = [1 - n / steps for n in range(steps + 1)]
    for sigma, r in itertools.pairwise(levels):
        z = z - (sigma - r) * u(z, sigma_of(sigma, z), sigma_of(r, z), c)
    return z
