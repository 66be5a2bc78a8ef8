"""Flow matching, by which a teacher learns V: its times, path and loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Generator, Tensor

from baselines.dit4sr.field import over


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowMatchingConfig:
    """Stage 1. Defaults: DiT4SR's training script."""

    density: Literal["logit-normal", "uniform"] = "logit-normal"  # of u, before the shift
    shift: float = 3.0  # sigma = shift u / (1 + (shift - 1) u)
    trained: Literal["control", "all"] = "control"  # the LR stream, or a whole new network

    def sample_sigma(self, batch: int, generator: Generator) -> Tensor:
        """Draw noise levels (B,) by density and shift."""
        if self.density == "uniform":
            u = torch.rand(batch, generator=generator)
        else:
            u = torch.randn(batch, generator=generator).sigmoid()
        return self.shift * u / (1 + (self.shift - 1) * u)


def straight_path(x: Tensor, eps: Tensor, sigma: Tensor) -> Tensor:
    """Return z_sigma = (1 - sigma) x + sigma eps, whose velocity is eps - x."""
    share = over(sigma, x)
    return (1 - share) * x + share * eps


def squared_error(prediction: Tensor, target: Tensor) -> Tensor:
    """Return the mean squared error of each sample, in float32, (B,)."""
    return (prediction.float() - target.float()).square().flatten(1).mean(1)
