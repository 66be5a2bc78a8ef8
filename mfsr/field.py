"""A network as a velocity field: V(z, sigma | c) of a teacher, U(z, sigma, r | c) of a student."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from baselines.dit4sr.field import Condition, evaluate

if TYPE_CHECKING:
    from baselines.dit4sr.field import Network


class Field(nn.Module):
    """A network, whose output is V or U, with its time convention.

    Args:
        network: any `Network`; a student's has a `TwoTimeEmbedding`.
        time_scale: the teacher's time input is time_scale * sigma; 1000 is DiT4SR's.
    """

    def __init__(self, network: Network, *, time_scale: float = 1000.0) -> None:
        super().__init__()
        self.network = network
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
        return evaluate(self.network, z, timestep, Condition(z_lr, text, pooled))


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
