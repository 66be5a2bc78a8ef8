"""Stage 2 as a task: a student, its teacher, and the distillation's loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from baselines.dit4sr.field import Condition
from mfsr.distillation import (
    DistilConfig,
    sample_intervals,
    student_loss,
    velocity_to_distil,
)
from mfsr.field import Field, FieldAverageVelocity, FieldVelocity
from mfsr.flow import FlowBatch
from mfsr.sampler import sample_average
from mfsr.training.tasks import FlowTask, Streams, mean_where

if TYPE_CHECKING:
    from mfsr.training.order import Sample


class StudentTask(FlowTask):
    """Stage 2: U(z, sigma, r | z_LR, text) -> the objective's target."""

    def __init__(self, field: Field, teacher: Field, config: DistilConfig, **common: Any) -> None:
        super().__init__(**common)
        self.config, self.module, self.teacher = config, field, teacher

    def to(self, device: torch.device) -> None:
        """Move the teacher."""
        super().to(device)
        self.teacher.to(device)

    def loss(
        self, model: nn.Module, batch: Sample, streams: Streams, step: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the objective's loss."""
        config = self.config
        x, eps, z_lr = self.latents(batch, streams)
        numbers = batch["number"]
        drawn = [sample_intervals(config, 1, step, g) for g in streams.of("times", numbers)]
        sigma, r = (torch.cat(times) for times in zip(*drawn, strict=True))
        c = Condition(z_lr, *self.embedded(batch))
        flow = FlowBatch.between(x, eps, sigma.to(x.device), r.to(x.device), c)
        u, u_plain = FieldAverageVelocity(model), FieldAverageVelocity(self.module)
        per_sample = student_loss(
            config,
            u,
            u_plain,
            flow,
            velocity_to_distil(
                config,
                FieldVelocity(self.teacher),
                u_plain,
                embed=self.fixed,
                negative=self.negative,
            ),
            lam=streams.of("lambda", numbers),
            sharded=self.sharded,
        )
        apart = flow.sigma > flow.r
        scalars = {
            "equal": mean_where(per_sample, ~apart),
            "apart": mean_where(per_sample, apart),
        }
        return per_sample.mean(), scalars

    @torch.no_grad()
    def preview(self, batch: Sample, streams: Streams) -> Tensor:
        """Return images of one evaluation."""
        _, eps, z_lr = self.latents(batch, streams)
        c = Condition(z_lr, *self.embedded(batch))
        z = sample_average(FieldAverageVelocity(self.module), eps, c, steps=1)
        return self.autoencoder.decode(z, batch["lr_up"].to(z.device))
