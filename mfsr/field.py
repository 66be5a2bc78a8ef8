"""A network as a velocity field: V(z, sigma | c) of a teacher, U(z, sigma, r | c) of a student."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

import torch
from torch import Tensor, nn

from baselines.dit4sr.field import Condition, evaluate, over

if TYPE_CHECKING:
    from baselines.dit4sr.field import Network

Prediction = Literal["velocity", "gaussian"]

# Of a coefficient of x, whose usual variance is 1. The lower end bounds the slope of V in z, and so
# the cost of a variance that is far too small, at 1 / (2 sqrt(variance)) = 3.7.
_LOG_VARIANCE = (-4.0, 3.0)


class Field(nn.Module):
    """A network with its time convention and the meaning of its output.

    Args:
        network: DiT4SR, or any other; a student's has a `TwoTimeEmbedding`.
        prediction: "velocity" is DiT4SR's: the output is V or U. "gaussian" is for networks that
            are narrower than a patch of the latent, through which the noise of z cannot pass: the
            output is mean and log variance of every coefficient of x, and V and U are those of the
            flow from noise to that distribution (`gaussian_average`).
        time_scale: the teacher's time input is time_scale * sigma; 1000 is DiT4SR's.
    """

    def __init__(
        self, network: Network, *, prediction: Prediction = "velocity", time_scale: float = 1000.0
    ) -> None:
        super().__init__()
        self.network = network
        self.prediction = prediction
        self.time_scale = time_scale

    def forward(
        self,
        z: Tensor,
        sigma: Tensor,
        r: Tensor | None,
        z_lr: Tensor,
        text: Tensor,
        pooled: Tensor,
    ) -> Tensor:
        """Return V (r is None) or U, (B, C, H, W); times (B,) are kept in float32."""
        sigma = sigma.float()
        timestep = self.time_scale * sigma if r is None else torch.stack([sigma, r.float()], dim=1)
        out = evaluate(self.network, z, timestep, Condition(z_lr, text, pooled))
        if self.prediction == "velocity":
            return out
        mu, log_variance = out.float().chunk(2, dim=1)
        variance = log_variance.clamp(*_LOG_VARIANCE).exp()
        end = sigma if r is None else r.float()
        return gaussian_average(z, over(sigma, z), over(end, z), mu, variance)


def gaussian_average(z: Tensor, sigma: Tensor, r: Tensor, mu: Tensor, variance: Tensor) -> Tensor:
    """Return the mean velocity on [r, sigma] of the flow from N(0, 1) to N(mu, variance).

    With S(t) = (1 - t)^2 variance + t^2 the flow takes z to
    z_r = (1 - r) mu + sqrt(S(r) / S(sigma)) (z - (1 - sigma) mu), and U = (z - z_r) / (sigma - r),
    written here so that r = sigma, where it is V = E[eps - x | z], needs no division by zero.
    """
    spread = (1 - sigma).square() * variance + sigma.square()
    spread_r = (1 - r).square() * variance + r.square()
    ratio = (spread_r / spread).sqrt()
    slope = (sigma + r - (2 - sigma - r) * variance) / (spread * (1 + ratio))
    return slope * (z - (1 - sigma) * mu) - mu


class FieldVelocity:
    """V(z, sigma | c) by a teacher's field."""

    def __init__(self, field: nn.Module) -> None:
        self.field = field

    def __call__(self, z: Tensor, sigma: Tensor, c: Condition, /) -> Tensor:
        """Evaluate the field."""
        return cast("Tensor", self.field(z, sigma, None, c.z_lr, c.text, c.pooled))


class FieldAverageVelocity:
    """U(z, sigma, r | c) by a student's field."""

    def __init__(self, field: nn.Module) -> None:
        self.field = field

    def __call__(self, z: Tensor, sigma: Tensor, r: Tensor, c: Condition, /) -> Tensor:
        """Evaluate the field."""
        return cast("Tensor", self.field(z, sigma, r, c.z_lr, c.text, c.pooled))
