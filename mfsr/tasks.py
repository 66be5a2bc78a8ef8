"""What one training step computes: stage 1, the teacher's flow matching, and stage 2, MFSR.

Both stages are trained by the one loop in `mfsr.trainer`. A task holds the module that is trained,
turns a batch of data into latents, and gives the loss of each micro-batch.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

import torch
from torch import Generator, Tensor, nn

from benchmarks.api.errors import ConfigError
from benchmarks.api.seeds import seed_for
from mfsr import meanflow
from mfsr.alternatives import OFTSRWeights, oftsr_loss, sample_lam, split_target
from mfsr.conditioning import PhraseTable, Text, TextEmbedder
from mfsr.dit import is_control, is_without_effect
from mfsr.field import Field, FieldAverageVelocity, FieldVelocity
from mfsr.flow import AverageVelocity, Condition, FlowBatch, Velocity
from mfsr.sampler import sample_average, sample_euler, shifted_sigmas

if TYPE_CHECKING:
    from collections.abc import Callable

    from mfsr.autoencoder import Autoencoder
    from mfsr.data import Sample


@dataclass(frozen=True, slots=True)
class Streams:
    """The named random streams of one micro-batch on one rank."""

    seed: int
    micro: int
    rank: int

    def generator(self, name: str) -> Generator:
        """Return a generator at the start of a stream of this micro-batch."""
        return Generator().manual_seed(seed_for(self.seed, name, str(self.micro), str(self.rank)))

    def per_sample(self, name: str, numbers: list[int]) -> list[Generator]:
        """Return a generator for each sample of the micro-batch, at the start of its stream."""
        return [Generator().manual_seed(seed_for(self.seed, name, str(n))) for n in numbers]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowMatchingConfig:
    """Stage 1. Defaults: DiT4SR's training script."""

    density: Literal["logit-normal", "uniform"] = "logit-normal"  # of u, before the shift
    shift: float = 3.0  # sigma = shift u / (1 + (shift - 1) u)
    trained: Literal["control", "all"] = "control"  # the LR stream, or a whole new network


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


class Task(ABC):
    """A module to train, and its loss."""

    module: nn.Module  # trained; what the trainer wraps for several processes

    def __init__(
        self, *, autoencoder: Autoencoder, text: TextEmbedder, seed: int, negative: str
    ) -> None:
        self.autoencoder, self.text = autoencoder, text
        self.seed, self.negative = seed, negative
        self.device = torch.device("cpu")
        self.sharded = False  # set by the trainer under FSDP
        self._fixed: dict[str, Text] = {}

    def to(self, device: torch.device) -> None:
        """Move what is not trained, and so not moved by the trainer, to a device."""
        self.device = device

    @abstractmethod
    def loss(
        self, model: nn.Module, batch: Sample, streams: Streams, step: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of a micro-batch and scalars to log; `model` is the wrapped module."""

    @abstractmethod
    def preview(self, batch: Sample, streams: Streams) -> Tensor:
        """Return images (B, 3, H, W) made with the weights as they are."""

    def latents(self, batch: Sample, streams: Streams) -> tuple[Tensor, Tensor, Tensor]:
        """Return data x, noise eps and the condition z_LR of a batch."""
        numbers = batch["number"]
        if "x" in batch:
            x, z_lr = batch["x"].to(self.device), batch["z_lr"].to(self.device)
        else:
            hr, lr_up = batch["hr"].to(self.device), batch["lr_up"].to(self.device)
            x = self.autoencoder.encode_hr(hr, lr_up, streams.per_sample("hr latent", numbers))
            z_lr = self.autoencoder.encode_lr(lr_up, streams.per_sample("lr latent", numbers))
        noise = [
            torch.randn(x.shape[1:], generator=g) for g in streams.per_sample("noise", numbers)
        ]
        return x, torch.stack(noise).to(x), z_lr

    def embedded(self, batch: Sample) -> Text:
        """Return the text of a batch, without gradient."""
        if "text" in batch:
            return batch["text"].to(self.device), batch["pooled"].to(self.device)
        with torch.no_grad():
            text, pooled = self.text.embed(batch["prompt"])
        return text.to(self.device), pooled.to(self.device)

    def fixed(self, prompt: str) -> Text:
        """Return the embedding of a prompt that all samples share, computed once."""
        if prompt not in self._fixed:
            with torch.no_grad():
                text, pooled = self.text.embed([prompt])
            self._fixed[prompt] = text.to(self.device), pooled.to(self.device)
        return self._fixed[prompt]


class TextField(nn.Module):
    """A field with its text conditioning, for a phrase table that is trained with the network."""

    def __init__(self, field: Field, table: PhraseTable | None) -> None:
        super().__init__()
        self.field, self.table = field, table

    def forward(
        self, z: Tensor, sigma: Tensor, z_lr: Tensor, text: Tensor | list[str], pooled: Tensor
    ) -> Tensor:
        """Return V; `text` is prompts where there is a table."""
        if self.table is not None:
            text, pooled = self.table(text)
        return cast("Tensor", self.field(z, sigma, None, z_lr, text, pooled))


class TeacherTask(Task):
    """Stage 1: V(z, sigma | z_LR, text) -> eps - x, mean squared error."""

    def __init__(self, field: Field, config: FlowMatchingConfig, **common: Any) -> None:
        super().__init__(**common)
        self.config = config
        self.field = field
        table = self.text if isinstance(self.text, PhraseTable) else None
        self.module = TextField(field, table)
        for name, parameter in self.module.named_parameters():
            parameter.requires_grad_(self._is_trained(name))

    def _is_trained(self, name: str) -> bool:
        dead = is_without_effect(name, self.field.network.shape.key_control)
        return not dead and (self.config.trained == "all" or is_control(name))

    def loss(
        self, model: nn.Module, batch: Sample, streams: Streams, step: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the flow-matching loss."""
        x, eps, z_lr = self.latents(batch, streams)
        sigma = self.sample_sigma(len(x), streams.generator("times")).to(x.device)
        text: Any
        if isinstance(self.text, PhraseTable):
            text, pooled = batch["prompt"], torch.empty(0)
        else:
            text, pooled = self.embedded(batch)
        flow = FlowBatch.between(x, eps, sigma, sigma, Condition(z_lr, x, x))
        v = model(flow.z, sigma, z_lr, text, pooled)
        per_sample = meanflow.squared_error(v, flow.straight)
        return per_sample.mean(), {"high_noise": _mean_where(per_sample, sigma > 0.5)}

    def sample_sigma(self, batch: int, generator: Generator) -> Tensor:
        """Draw noise levels by the configured density and shift."""
        if self.config.density == "uniform":
            u = torch.rand(batch, generator=generator)
        else:
            u = torch.randn(batch, generator=generator).sigmoid()
        return self.config.shift * u / (1 + (self.config.shift - 1) * u)

    @torch.no_grad()
    def preview(self, batch: Sample, streams: Streams) -> Tensor:
        """Return images by ten Euler steps without guidance."""
        _, eps, z_lr = self.latents(batch, streams)
        c = Condition(z_lr, *self.embedded(batch))
        z = sample_euler(FieldVelocity(self.field), eps, c, shifted_sigmas(10, self.config.shift))
        return self.autoencoder.decode(z, batch["lr_up"].to(z.device))


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
            "equal": _mean_where(per_sample, ~apart),
            "apart": _mean_where(per_sample, apart),
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


def _mean_where(values: Tensor, mask: Tensor) -> Tensor:
    """Return the mean of the masked values; NaN, which is not logged, where there are none."""
    picked = values.detach()[mask]
    return picked.mean() if len(picked) else torch.tensor(math.nan)
