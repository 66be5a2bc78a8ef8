"""The straight flow between data and noise, in diffusers' convention, and intervals of it.

sigma runs from 0 (data) to 1 (noise). The paper's time is t = 1 - sigma, and its velocity
dz/dt = x - eps is -V here, so that SD3's weights are used with no change of sign:

    z_sigma = (1 - sigma) x + sigma eps,    V(z, sigma) = dz/dsigma ~ eps - x,
    U(z, sigma, r) = mean of V on [r, sigma] = -u(z, t = 1 - sigma, s = 1 - r),    r <= sigma.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from baselines.dit4sr.flow_matching import straight_path

if TYPE_CHECKING:
    from baselines.dit4sr.field import Condition


class AverageVelocity(Protocol):
    """U(z, sigma, r | c): the mean of V on [r, sigma], (B, C, H, W), for times (B,)."""

    def __call__(self, z: Tensor, sigma: Tensor, r: Tensor, c: Condition, /) -> Tensor:
        """Return the velocity."""
        ...


@dataclass(frozen=True, slots=True)
class FlowBatch:
    """Points on paths from x to eps, with the interval [r, sigma] that a loss looks at."""

    z: Tensor  # points (B, C, H, W)
    x: Tensor  # data, as z
    eps: Tensor  # noise, as z
    sigma: Tensor  # (B,)
    r: Tensor  # (B,), r <= sigma
    c: Condition

    def __getitem__(self, index: Tensor | slice) -> FlowBatch:
        return FlowBatch(
            self.z[index],
            self.x[index],
            self.eps[index],
            self.sigma[index],
            self.r[index],
            self.c[index],
        )

    def __len__(self) -> int:
        return len(self.x)

    @classmethod
    def between(cls, x: Tensor, eps: Tensor, sigma: Tensor, r: Tensor, c: Condition) -> FlowBatch:
        """Return the points z_sigma = (1 - sigma) x + sigma eps."""
        return cls(straight_path(x, eps, sigma), x, eps, sigma, r, c)

    def moved(self, z: Tensor, sigma: Tensor) -> FlowBatch:
        """Return the batch with other points, at other times."""
        return replace(self, z=z, sigma=sigma, r=sigma)

    def apart(self, *, at_least_one: bool = False) -> Tensor:
        """Return the indices of the samples with r < sigma.

        Args:
            at_least_one: return the first sample where there is none. Processes that share a
                sharded network have to call it equally often.
        """
        found = torch.nonzero(self.sigma > self.r).squeeze(1)
        return found.new_zeros(1) if at_least_one and not len(found) else found

    @property
    def straight(self) -> Tensor:
        """The ground-truth velocity eps - x of the path through each point."""
        return self.eps - self.x
