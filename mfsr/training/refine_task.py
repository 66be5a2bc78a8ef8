"""Stage 3 as a task: student, fake score and discriminator in one step.

One optimiser takes one step for all three: each part of the loss reaches the parameters of its own
network alone, so that the sum's gradient is that of three optimisers at one learning rate.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call

from baselines.dit4sr.field import Condition
from baselines.dit4sr.flow_matching import squared_error, straight_path
from mfsr.field import Field, FieldAverageVelocity, FieldVelocity
from mfsr.flow import FlowBatch
from mfsr.meanflow import negative_guided
from mfsr.refinement import (
    RefineConfig,
    discriminator_loss,
    distillation_gradient,
    generator_loss,
)
from mfsr.sampler import sample_average
from mfsr.training.tasks import FlowTask, Streams

if TYPE_CHECKING:
    from baselines.dit4sr.field import Network
    from mfsr.training.features import Features
    from mfsr.training.order import Sample

Scalars = dict[str, Tensor]


class Heads(nn.Module):
    """Logits of features: two 1x1 convolutions on each map."""

    def __init__(self, channels: tuple[int, ...], width: int) -> None:
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Conv2d(c, width, 1), nn.LeakyReLU(0.2), nn.Conv2d(width, 1, 1))
            for c in channels
        )

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Return all logits of a batch, (B, places)."""
        logits = [head(one).flatten(1) for head, one in zip(self.heads, maps, strict=True)]
        return torch.cat(logits, dim=1)

    def frozen(self, maps: list[Tensor]) -> Tensor:
        """Return the logits with gradient for the maps alone."""
        held = {name: parameter.detach() for name, parameter in self.named_parameters()}
        return cast("Tensor", functional_call(self, held, (maps,)))


def fake_of(teacher: Network, rank: int, targets: tuple[str, ...]) -> Network:
    """Return the fake score: a copy of the teacher's network, trained by LoRA or (rank 0) whole."""
    from peft import LoraConfig, inject_adapter_in_model

    network = copy.deepcopy(teacher).requires_grad_(rank == 0)
    if rank:
        lora = LoraConfig(r=rank, lora_alpha=rank, target_modules=list(targets))
        inject_adapter_in_model(lora, network)
        for name, parameter in network.named_parameters():
            parameter.requires_grad_("lora_" in name)
    else:
        for name, parameter in network.named_parameters():
            parameter.requires_grad_(not network.is_dead(name))
    return network


class Refined(nn.Module):
    """All that stage 3 trains; its forward is the loss, as data-parallel training asks."""

    def __init__(self, student: Field, fake: Field, heads: Heads) -> None:
        super().__init__()
        self.student, self.fake, self.heads = student, fake, heads

    def forward(self, task: RefineTask, given: _Given) -> tuple[Tensor, Scalars]:
        """Return the loss of a micro-batch and its parts."""
        config, c = task.config, given.c
        z = sample_average(FieldAverageVelocity(self.student), given.eps, c, steps=1)
        vsd = self._distilled(task, given, z)
        z_tau = straight_path(z.detach(), given.noise[1], given.tau[1])
        fake = FieldVelocity(self.fake)(z_tau, given.tau[1], c)
        score = squared_error(fake, given.noise[1] - z.detach()).mean()
        image = task.autoencoder.decode(z, given.lr_up)
        logits = self.heads.frozen(task.features(image))
        gan = generator_loss(logits, config.adversarial)
        discriminator, real, results = self._discriminated(task, given, image.detach())
        parts = {"vsd": vsd, "gan": gan, "fake_score": score, "discriminator": discriminator}
        loss = config.vsd_weight * vsd + config.gan_weight * gan + score + discriminator
        parts |= {"logits_real": real.mean(), "logits_results": results.mean()}
        return loss, {name: value.detach() for name, value in parts.items()}

    def _distilled(self, task: RefineTask, given: _Given, z: Tensor) -> Tensor:
        """Return a number whose gradient for z is that of score distillation."""
        config, (tau, noise) = task.config, (given.tau[0], given.noise[0])
        with torch.no_grad():
            held = z.detach()
            z_tau = straight_path(held, noise, tau)
            v_real = task.real_velocity(z_tau, tau, given.c)
            v_fake = FieldVelocity(self.fake)(z_tau, tau, given.c)
            gradient = distillation_gradient(
                held, z_tau, tau, v_real, v_fake, scaled=config.vsd_scale == "error"
            )
        return (gradient * z).flatten(1).mean(1).mean()

    def _discriminated(
        self, task: RefineTask, given: _Given, image: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the discriminator's loss, and its logits of references and results."""
        config = task.config
        with torch.no_grad():
            maps = [task.features(one) for one in (given.hr, image)]
            moved = given.hr + config.smoothness_std * given.jitter
            near = task.features(moved) if config.smoothness else None
        real, results = (self.heads(one) for one in maps)
        loss = discriminator_loss(real, results, config.adversarial)
        if near is not None:
            loss = loss + config.smoothness * (real - self.heads(near)).square().mean()
        return loss, real, results


@dataclass(frozen=True, slots=True)
class _Given:
    """A micro-batch with all that is drawn for it."""

    eps: Tensor
    c: Condition
    hr: Tensor
    lr_up: Tensor
    tau: tuple[Tensor, Tensor]  # of score distillation, and of the fake score's own loss
    noise: tuple[Tensor, Tensor]
    jitter: Tensor  # as hr


class RefineTask(FlowTask):
    """Stage 3: the student's one step, under a discriminator and the teacher's score."""

    def __init__(
        self,
        refined: Refined,
        teacher: Field,
        features: Features,
        config: RefineConfig,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.module, self.teacher, self.features, self.config = refined, teacher, features, config
        self.refined = refined

    def to(self, device: torch.device) -> None:
        """Move teacher and features."""
        super().to(device)
        self.teacher.to(device)
        self.features.to(device)

    def real_velocity(self, z: Tensor, tau: Tensor, c: Condition) -> Tensor:
        """Return V of the teacher, under guidance where the recipe asks for it."""
        teacher = FieldVelocity(self.teacher)
        if self.config.vsd_w == 0:
            return teacher(z, tau, c)
        flow = FlowBatch(z, z, z, tau, tau, c)
        other = c.with_text(*self.fixed(self.negative))
        return negative_guided(teacher, flow, other, w=self.config.vsd_w)

    def loss(
        self, model: nn.Module, batch: Sample, streams: Streams, step: int
    ) -> tuple[Tensor, Scalars]:
        """Return the sum of the parts."""
        x, eps, z_lr = self.latents(batch, streams)
        lr_up = batch["lr_up"].to(self.device) if "lr_up" in batch else x
        hr = batch["hr"].to(self.device) if "hr" in batch else None
        with torch.no_grad():
            hr = self.autoencoder.decode(x, lr_up) if hr is None else hr
        numbers = batch["number"]
        levels = [self.config.sample_tau(2, g) for g in streams.of("levels", numbers)]
        tau = torch.stack(levels, dim=1).to(x)
        drawn = streams.of("refinement", numbers)
        noise = torch.stack([torch.randn(2, *x.shape[1:], generator=g) for g in drawn], dim=1).to(x)
        jitter = torch.stack([torch.randn(hr.shape[1:], generator=g) for g in drawn])
        given = _Given(
            eps,
            Condition(z_lr, *self.embedded(batch)),
            hr,
            lr_up,
            (tau[0], tau[1]),
            (noise[0], noise[1]),
            jitter.to(hr),
        )
        return cast("tuple[Tensor, Scalars]", model(self, given))

    @torch.no_grad()
    def preview(self, batch: Sample, streams: Streams) -> Tensor:
        """Return images of one evaluation."""
        _, eps, z_lr = self.latents(batch, streams)
        c = Condition(z_lr, *self.embedded(batch))
        z = sample_average(FieldAverageVelocity(self.refined.student), eps, c, steps=1)
        return self.autoencoder.decode(z, batch["lr_up"].to(z.device))
