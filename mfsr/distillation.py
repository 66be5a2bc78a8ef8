"""Stage 2: MFSR, the distillation of a teacher into a student of few steps.

The choices of `DistilConfig` over the functions of `mfsr.meanflow` and `mfsr.alternatives`.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Annotated, Literal

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass

from baselines.dit4sr.flow_matching import squared_error
from benchmarks.api.documents import STRICT
from mfsr import meanflow
from mfsr.alternatives import OFTSRWeights, oftsr_loss, sample_ends, sample_lam, split_target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Generator, Tensor

    from baselines.dit4sr.field import Velocity
    from baselines.sd3.text import Text
    from mfsr.flow import AverageVelocity, FlowBatch


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class DistilConfig:
    """Stage 2. What the paper leaves open says so; docs/training.md gives the reasons."""

    objective: Literal["meanflow", "split", "oftsr"] = "meanflow"
    velocity: Literal["negative", "null", "ground-truth", "meanflow"] = "negative"  # Table 3
    w: float | None = None  # Eq. 11, 10 and 9; None: the paper's, 6, 6 and 1
    kappa: float = 0.83  # Eq. 9 alone
    prob_equal: Annotated[float, Field(ge=0, le=1)] = 0.5  # of r = sigma; Table 4
    pairs: meanflow.TimePairs = "nested"  # paper
    derivative: meanflow.Derivative = "jvp"  # ours: exact
    difference_step: float = meanflow.DIFFERENCE_STEP
    loss: Literal["pseudo-huber", "mse"] = "pseudo-huber"  # MFSR's; SplitMeanFlow's paper: mse
    huber_c: float | None = None  # open; None: 0.00054 sqrt(D), iCT's
    split_low: float = 0.0  # SplitMeanFlow's lambda ~ U[low, high]; its paper's range
    split_high: float = 1.0
    oftsr: OFTSRWeights = field(default_factory=OFTSRWeights)
    # Open: steps with r = sigma alone, for a re-fitted time embedding.
    warmup_equal: Annotated[int, Field(ge=0)] = 0

    def __post_init__(self) -> None:
        if self.objective == "split" and self.prob_equal == 0:
            raise ValueError(
                "split with prob_equal 0 has no boundary samples, and any constant solves it: "
                "use prob_equal of at least 0.25"
            )
        if not 0 <= self.split_low < self.split_high <= 1:
            raise ValueError("split_low and split_high are not a range within [0, 1]")

    @property
    def guidance(self) -> float:
        """The weight w of the configured velocity."""
        if self.w is not None:
            return self.w
        # Eq. 9 has another role for w: its effective guidance scale is w / (1 - kappa), 5.9.
        return 1.0 if self.velocity == "meanflow" else 6.0

    def error(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the configured loss of each sample, (B,)."""
        if self.loss == "mse":
            return squared_error(prediction, target)
        return meanflow.pseudo_huber(prediction, target, self.huber_c)


def sample_intervals(
    config: DistilConfig, batch: int, step: int, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Draw (sigma, r) of each sample as the configured objective asks, at a training step."""
    if config.objective == "oftsr":
        return torch.ones(batch), sample_ends(batch, generator)
    return meanflow.sample_times(
        batch,
        prob_equal=1.0 if step < config.warmup_equal else config.prob_equal,
        generator=generator,
        pairs=config.pairs,
    )


def velocity_to_distil(
    config: DistilConfig,
    teacher: Velocity,
    u: AverageVelocity,
    *,
    embed: Callable[[str], Text],
    negative: str,
) -> Callable[[FlowBatch], Tensor]:
    """Return V_inst as a function of points: Table 3's four kinds.

    Args:
        config: names the kind, and its constants.
        teacher: V of the teacher.
        u: the student, for MeanFlow's own guided velocity.
        embed: a prompt -> text (1, T, width) and pooled text (1, pooled width).
        negative: the negative prompt.
    """

    def guided(flow: FlowBatch) -> Tensor:
        prompt = negative if config.velocity == "negative" else ""
        other = flow.c.with_text(*embed(prompt))
        return meanflow.negative_guided(teacher, flow, other, w=config.guidance)

    def own(flow: FlowBatch) -> Tensor:
        null = flow.c.with_text(*embed(""))
        return meanflow.meanflow_guided(u, flow, null, w=config.guidance, kappa=config.kappa)

    if config.velocity == "ground-truth":
        return meanflow.ground_truth
    return own if config.velocity == "meanflow" else guided


def student_loss(
    config: DistilConfig,
    u: AverageVelocity,
    u_frozen: AverageVelocity,
    flow: FlowBatch,
    velocity: Callable[[FlowBatch], Tensor],
    *,
    lam: Sequence[Generator],
    sharded: bool = False,
) -> Tensor:
    """Return the loss of each sample, (B,), of the configured objective.

    Args:
        config: the objective and its constants.
        u: the student, with gradient.
        u_frozen: the same, without; targets are made with it.
        flow: points and intervals.
        velocity: V_inst of a batch of points.
        lam: the streams of the samples, from which SplitMeanFlow's lambda is drawn.
        sharded: the networks are sharded; see `FlowBatch.apart`.
    """
    if config.objective == "oftsr":
        return oftsr_loss(u, u_frozen, flow, velocity, config.oftsr, config.error)
    if config.objective == "split":
        drawn = [sample_lam(1, config.split_low, config.split_high, stream) for stream in lam]
        share = torch.cat(drawn).to(flow.z.device)
        target = split_target(u_frozen, flow, velocity, share, sharded=sharded)
    else:
        target = meanflow.meanflow_target(
            u_frozen,
            flow,
            velocity(flow),
            method=config.derivative,
            step=config.difference_step,
            sharded=sharded,
        )
    return config.error(u(flow.z, flow.sigma, flow.r, flow.c), target)
