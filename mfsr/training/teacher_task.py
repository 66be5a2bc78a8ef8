"""Stage 1 as a task: a teacher, and flow matching's loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from baselines.dit4sr.field import Condition
from baselines.dit4sr.flow_matching import (
    FlowMatchingConfig,
    mark_trained,
    squared_error,
    straight_path,
)
from baselines.dit4sr.sampler import sample_euler
from baselines.sd3.noise_levels import shifted_sigmas
from mfsr.field import Field, FieldVelocity
from mfsr.tiny.phrases import PhraseTable
from mfsr.training.tasks import FlowTask, Streams, mean_where

if TYPE_CHECKING:
    from mfsr.training.order import Sample


class _TextField(nn.Module):
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


class TeacherTask(FlowTask):
    """Stage 1: V(z, sigma | z_LR, text) -> eps - x, mean squared error."""

    def __init__(self, field: Field, config: FlowMatchingConfig, **common: Any) -> None:
        super().__init__(**common)
        self.config = config
        self.field = field
        table = self.text if isinstance(self.text, PhraseTable) else None
        self.module = _TextField(field, table)
        mark_trained(field.network, config)
        if table is not None:
            table.requires_grad_(requires_grad=config.trained == "all")

    def loss(
        self, model: nn.Module, batch: Sample, streams: Streams, step: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the flow-matching loss."""
        x, eps, z_lr = self.latents(batch, streams)
        drawn = [self.config.sample_sigma(1, g) for g in streams.of("times", batch["number"])]
        sigma = torch.cat(drawn).to(x.device)
        text: Any
        if isinstance(self.text, PhraseTable):
            text, pooled = batch["prompt"], torch.empty(0)
        else:
            text, pooled = self.embedded(batch)
        v = model(straight_path(x, eps, sigma), sigma, z_lr, text, pooled)
        per_sample = squared_error(v, eps - x)
        return per_sample.mean(), {"high_noise": mean_where(per_sample, sigma > 0.5)}

    @torch.no_grad()
    def preview(self, batch: Sample, streams: Streams) -> Tensor:
        """Return images by ten Euler steps without guidance."""
        _, eps, z_lr = self.latents(batch, streams)
        c = Condition(z_lr, *self.embedded(batch))
        z = sample_euler(FieldVelocity(self.field), eps, c, shifted_sigmas(10, self.config.shift))
        return self.autoencoder.decode(z, batch["lr_up"].to(z.device))
