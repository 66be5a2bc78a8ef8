"""A network as a velocity field: V(z, sigma | c) of a teacher, U(z, sigma, r | c) of a student."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

import torch
from torch import Tensor, nn

from mfsr.flow import Condition, over

if TYPE_CHECKING:
    from mfsr.dit import DiT4SR

Prediction = Literal["velocity", "sample"]

# Below this noise level a predicted sample is not turned into a velocity by the level itself, which
# would amplify its error without bound.
SIGMA_FLOOR = 0.05


class Field(nn.Module):
    """A network with its time convention and the meaning of its output.

    Args:
        network: DiT4SR; a student's has a `TwoTimeEmbedding`.
        prediction: "velocity" is DiT4SR's. "sample" is for networks that are narrower than a patch
            of the latent, through which the noise of z cannot pass: the output X stands for the
            velocity (z - X) / max(sigma, 0.05).
        time_scale: the teacher's time input is time_scale * sigma; 1000 is DiT4SR's.
    """

    def __init__(
        self, network: DiT4SR, *, prediction: Prediction = "velocity", time_scale: float = 1000.0
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
        dtype = self.network.proj_out.weight.dtype
        sigma = sigma.float()
        timestep = self.time_scale * sigma if r is None else torch.stack([sigma, r.float()], dim=1)
        inputs = (part.to(dtype) for part in (z, z_lr, text, pooled))
        out = self.network(*inputs, timestep)
        if self.prediction == "sample":
            out = (z - out) / over(sigma.clamp(min=SIGMA_FLOOR), z)
        return cast("Tensor", out)


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
