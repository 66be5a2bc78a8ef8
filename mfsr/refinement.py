"""Stage 3: refinement of a student of few steps by a discriminator and by score distillation.

SMFSR's second stage (arXiv 2605.09328) in the form that its sources allow: a discriminator on the
features of a frozen network, and variational score distillation between a frozen teacher and a
"fake" velocity that follows the student's own results. Weights, losses and schedule are open there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from baselines.dit4sr.field import over
from benchmarks.api.documents import STRICT

if TYPE_CHECKING:
    from torch import Generator

_Weight = Annotated[float, Field(ge=0)]
_LEAST = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class RefineConfig:
    """Stage 3. Every choice but the two parts themselves is open; docs/training.md has reasons."""

    features: str = "dinov3"  # plugin of what the discriminator sees; SMFSR's
    adversarial: Literal["softplus", "hinge"] = "softplus"
    gan_weight: _Weight = 0.1
    vsd_weight: _Weight = 1.0
    vsd_w: _Weight = 6.0  # guidance of the teacher, as Eq. 11's w of MFSR; 0: none
    vsd_scale: Literal["error", "none"] = "error"  # gradient over the teacher's mean error, DMD's
    tau_low: Annotated[float, Field(gt=0, lt=1)] = 0.02
    tau_high: Annotated[float, Field(gt=0, le=1)] = 0.98
    smoothness: _Weight = 1.0  # of (D(x) - D(x + noise))^2, in the place of R1
    smoothness_std: Annotated[float, Field(gt=0)] = 0.01
    head_width: Annotated[int, Field(ge=1)] = 64
    fake_lora_rank: Annotated[int, Field(ge=0)] = 64  # 0: the whole copy is trained

    def __post_init__(self) -> None:
        if self.tau_low >= self.tau_high:
            raise ValueError("tau_low and tau_high are not a range")
        if not (self.gan_weight or self.vsd_weight):
            raise ValueError("gan_weight and vsd_weight are both 0: nothing refines the student")

    def sample_tau(self, batch: int, generator: Generator) -> Tensor:
        """Draw noise levels (B,), uniform in the configured range."""
        share = torch.rand(batch, generator=generator)
        return self.tau_low + (self.tau_high - self.tau_low) * share


def distillation_gradient(
    z: Tensor, z_tau: Tensor, tau: Tensor, v_real: Tensor, v_fake: Tensor, *, scaled: bool
) -> Tensor:
    """Return what variational score distillation adds to z's gradient: x_fake - x_real.

    x = z_tau - tau V is the data that a velocity points at, so that x_fake - x_real is
    tau (V_real - V_fake): it is zero where the student's results are distributed as the teacher's.

    Args:
        z: results (B, C, H, W), without gradient.
        z_tau: z with noise of level tau.
        tau: (B,).
        v_real: V of the teacher at z_tau.
        v_fake: V of the fake score there.
        scaled: divide by the mean magnitude of z - x_real per sample, as DMD does.
    """
    gradient = over(tau, z) * (v_real - v_fake)
    if not scaled:
        return gradient
    error = (z - (z_tau - over(tau, z) * v_real)).abs().flatten(1).mean(1)
    return gradient / over(error.clamp_min(_LEAST), z)


def generator_loss(logits: Tensor, kind: Literal["softplus", "hinge"]) -> Tensor:
    """Return what a student pays for logits of its results: non-saturating, or their mean."""
    return F.softplus(-logits).mean() if kind == "softplus" else -logits.mean()


def discriminator_loss(real: Tensor, fake: Tensor, kind: Literal["softplus", "hinge"]) -> Tensor:
    """Return what a discriminator pays for logits of references and of results."""
    if kind == "softplus":
        return F.softplus(-real).mean() + F.softplus(fake).mean()
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()
