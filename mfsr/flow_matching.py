"""Stage 1: a teacher by flow matching."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import torch
from torch import Generator, Tensor, nn

from mfsr import meanflow
from mfsr.conditioning import PhraseTable
from mfsr.dit import is_control, is_without_effect
from mfsr.field import Field, FieldVelocity
from mfsr.flow import Condition, FlowBatch
from mfsr.sampler import sample_euler, shifted_sigmas
from mfsr.tasks import Streams, Task, mean_where

if TYPE_CHECKING:
    from mfsr.order import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowMatchingConfig:
    """Stage 1. Defaults: DiT4SR's training script."""

    density: Literal["logit-normal", "uniform"] = "logit-normal"  # of u, before the shift
    shift: float = 3.0  # sigma = shift u / (1 + (shift - 1) u)
    trained: Literal["control", "all"] = "control"  # the LR stream, or a whole new network


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
        return per_sample.mean(), {"high_noise": mean_where(per_sample, sigma > 0.5)}

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
