"""Stage 2: MFSR, the distillation of a teacher into a student of few steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from benchmarks.api.errors import ConfigError
from mfsr import meanflow
from mfsr.alternatives import OFTSRWeights, oftsr_loss, sample_lam, split_target
from mfsr.field import Field, FieldAverageVelocity, FieldVelocity
from mfsr.flow import AverageVelocity, Condition, FlowBatch, Velocity
from mfsr.sampler import sample_average
from mfsr.tasks import Streams, Task, mean_where

if TYPE_CHECKING:
    from collections.abc import Callable

    from mfsr.order import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class DistilConfig:
    """Stage 2. What the paper leaves open says so; docs/training.md gives the reasons."""

    objective: Literal["meanflow", "split", "oftsr"] = "meanflow"
    velocity: Literal["negative", "null", "ground-truth", "meanflow"] = "negative"  # Table 3
    w: float = 6.0  # Eq. 11, 10 and 9; for Eq. 9 the paper takes 1
    kappa: float = 0.83  # Eq. 9 alone
    prob_equal: float = 0.5  # of r = sigma; Table 4
    pairs: meanflow.TimePairs = "nested"  # paper
    derivative: meanflow.Derivative = "jvp"  # ours: exact
    difference_step: float = meanflow.DIFFERENCE_STEP
    loss: Literal["pseudo-huber", "mse"] = "pseudo-huber"  # paper
    huber_c: float | None = None  # open; None: 0.00054 sqrt(D), iCT's
    split_low: float = 0.1  # SplitMeanFlow's lambda ~ U[low, high]
    split_high: float = 0.9
    oftsr: OFTSRWeights = field(default_factory=OFTSRWeights)
    warmup_equal: int = 0  # open; steps with r = sigma alone, for a re-fitted time embedding

    def __post_init__(self) -> None:
        if not 0 <= self.prob_equal <= 1:
            raise ConfigError(f"prob_equal is {self.prob_equal}, not a probability")
        if self.objective == "split" and self.prob_equal == 0:
            raise ConfigError(
                "split with prob_equal 0 has no boundary samples: any constant solves it.",
                "Use prob_equal of at least 0.25.",
            )
        if not 0 < self.split_low <= self.split_high < 1:
            raise ConfigError("split_low and split_high are not a range within (0, 1)")


class StudentTask(Task):
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
        sigma, r = meanflow.sample_times(
            len(x),
            prob_equal=1.0 if step < config.warmup_equal else config.prob_equal,
            generator=streams.generator("times"),
            pairs=config.pairs,
        )
        c = Condition(z_lr, *self.embedded(batch))
        flow = FlowBatch.between(x, eps, sigma.to(x.device), r.to(x.device), c)
        u, u_plain = FieldAverageVelocity(model), FieldAverageVelocity(self.module)
        velocity = self._velocity(u_plain)
        if config.objective == "oftsr":
            per_sample = oftsr_loss(u, u_plain, flow, velocity, config.oftsr)
        else:
            target = self._target(u_plain, flow, velocity, streams)
            prediction = u(flow.z, flow.sigma, flow.r, c)
            if config.loss == "mse":
                per_sample = meanflow.squared_error(prediction, target)
            else:
                per_sample = meanflow.pseudo_huber(prediction, target, config.huber_c)
        apart = flow.sigma > flow.r
        scalars = {
            "equal": mean_where(per_sample, ~apart),
            "apart": mean_where(per_sample, apart),
        }
        return per_sample.mean(), scalars

    def _target(
        self,
        u: AverageVelocity,
        flow: FlowBatch,
        velocity: Callable[[FlowBatch], Tensor],
        streams: Streams,
    ) -> Tensor:
        config = self.config
        if config.objective == "split":
            lam = sample_lam(
                len(flow), config.split_low, config.split_high, streams.generator("lambda")
            )
            lam = lam.to(flow.z.device)
            return split_target(u, flow, velocity, lam, sharded=self.sharded)
        return meanflow.meanflow_target(
            u,
            flow,
            velocity(flow),
            method=config.derivative,
            step=config.difference_step,
            sharded=self.sharded,
        )

    def _velocity(self, u: AverageVelocity) -> Callable[[FlowBatch], Tensor]:
        """Return V_inst as a function of points: Table 3's four kinds."""
        config = self.config
        teacher: Velocity = FieldVelocity(self.teacher)

        def guided(flow: FlowBatch) -> Tensor:
            prompt = self.negative if config.velocity == "negative" else ""
            other = flow.c.with_text(*self.fixed(prompt))
            return meanflow.negative_guided(teacher, flow, other, w=config.w)

        def own(flow: FlowBatch) -> Tensor:
            null = flow.c.with_text(*self.fixed(""))
            return meanflow.meanflow_guided(u, flow, null, w=config.w, kappa=config.kappa)

        if config.velocity == "ground-truth":
            return meanflow.ground_truth
        return own if config.velocity == "meanflow" else guided

    @torch.no_grad()
    def preview(self, batch: Sample, streams: Streams) -> Tensor:
        """Return images of one evaluation."""
        _, eps, z_lr = self.latents(batch, streams)
        c = Condition(z_lr, *self.embedded(batch))
        z = sample_average(FieldAverageVelocity(self.module), eps, c, steps=1)
        return self.autoencoder.decode(z, batch["lr_up"].to(z.device))
