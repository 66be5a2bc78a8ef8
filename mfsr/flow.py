"""The straight flow between data and noise, in diffusers' convention, and what travels along it.

sigma runs from 0 (data) to 1 (noise). The paper's time is t = 1 - sigma, and its velocity
dz/dt = x - eps is -V here, so that SD3's weights are used with no change of sign:

    z_sigma = (1 - sigma) x + sigma eps,    V(z, sigma) = dz/dsigma ~ eps - x,
    U(z, sigma, r) = mean of V on [r, sigma] = -u(z, t = 1 - sigma, s = 1 - r),    r <= sigma.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Condition:
    """What a velocity is conditioned on, beside z and time."""

    z_lr: Tensor  # (B, C, H, W)
    text: Tensor  # (B, T, width of a text token)
    pooled: Tensor  # (B, pooled width)

    def __getitem__(self, index: Tensor | slice) -> Condition:
        return Condition(self.z_lr[index], self.text[index], self.pooled[index])

    def with_text(self, text: Tensor, pooled: Tensor) -> Condition:
        """Return the condition under another prompt, the same one (1, ...) for all samples."""
        batch = len(self.z_lr)
        return Condition(
            self.z_lr, text.expand(batch, *text.shape[1:]), pooled.expand(batch, *pooled.shape[1:])
        )

    def joined(self, *others: Condition) -> Condition:
        """Return the conditions as one batch."""
        all_ = (self, *others)
        return Condition(
            torch.cat([c.z_lr for c in all_]),
            torch.cat([c.text for c in all_]),
            torch.cat([c.pooled for c in all_]),
        )


class Velocity(Protocol):
    """V(z, sigma | c): (B, C, H, W), for times (B,)."""

    def __call__(self, z: Tensor, sigma: Tensor, c: Condition, /) -> Tensor:
        """Return the velocity."""
        ...


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
        share = over(sigma, x)
        return cls((1 - share) * x + share * eps, x, eps, sigma, r, c)

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


def over(values: Tensor, like: Tensor) -> Tensor:
    """Return per-sample values (B,) in a shape that broadcasts over `like` (B, ...)."""
    return values.view(-1, *(1 for _ in like.shape[1:]))
