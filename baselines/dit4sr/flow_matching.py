"""Flow matching, by which a teacher learns V: its times, path and loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Generator, Tensor

from baselines.dit4sr.field import over
from benchmarks.api.documents import STRICT

if TYPE_CHECKING:
    from baselines.dit4sr.field import Network


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class FlowMatchingConfig:
    """Stage 1. Defaults: DiT4SR's training script."""

    density: Literal["logit-normal", "uniform"] = "logit-normal"  # of u, before the shift
    shift: Annotated[float, Field(gt=0)] = 3.0  # sigma = shift u / (1 + (shift - 1) u)
    trained: Literal["control", "all"] = "control"  # the LR stream, or the whole network

    def sample_sigma(self, batch: int, generator: Generator) -> Tensor:
        """Draw noise levels (B,) by density and shift."""
        if self.density == "uniform":
            u = torch.rand(batch, generator=generator)
        else:
            u = torch.randn(batch, generator=generator).sigmoid()
        return self.shift * u / (1 + (self.shift - 1) * u)


def mark_trained(network: Network, config: FlowMatchingConfig) -> None:
    """Let gradients reach what stage 1 trains of a network, and nothing else."""
    for name, parameter in network.named_parameters():
        wanted = config.trained == "all" or network.is_condition(name)
        parameter.requires_grad_(wanted and not network.is_dead(name))


def straight_path(x: Tensor, eps: Tensor, sigma: Tensor) -> Tensor:
    """Return z_sigma = (1 - sigma) x + sigma eps, whose velocity is eps - x."""
    share = over(sigma, x)
    return (1 - share) * x + share * eps


def squared_error(prediction: Tensor, target: Tensor) -> Tensor:
    """Return the mean squared error of each sample, in float32, (B,)."""
    return (prediction.float() - target.float()).square().flatten(1).mean(1)
