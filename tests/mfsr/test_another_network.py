"""Whatever fills in `Network` takes DiT4SR's place: here, two convolutions."""

from __future__ import annotations

from typing import Any, cast

import pytest
import torch
from diffusers.models.embeddings import CombinedTimestepTextProjEmbeddings
from torch import Tensor, nn

from baselines.dit4sr.field import Condition, Network, NetworkVelocity
from baselines.dit4sr.flow_matching import FlowMatchingConfig, mark_trained
from baselines.dit4sr.sampler import sample_euler
from baselines.sd3.noise_levels import shifted_sigmas
from benchmarks.api.errors import ConfigError
from mfsr.field import Field, FieldAverageVelocity, FieldVelocity
from mfsr.flow import FlowBatch
from mfsr.meanflow import meanflow_target, negative_guided, pseudo_huber
from mfsr.sampler import sample_average
from mfsr.student import StudentConfig, build_student, lora_layers, refit_time


class TwoConvolutions(Network):
    def __init__(self) -> None:
        super().__init__()
        self.time_text_embed: Any = CombinedTimestepTextProjEmbeddings(
            embedding_dim=16, pooled_projection_dim=5
        )
        self.first = nn.Conv2d(6, 16, 3, padding=1)
        self.last = nn.Conv2d(16, 2, 3, padding=1)

    def forward(
        self, z: Tensor, z_lr: Tensor, text: Tensor, pooled: Tensor, timestep: Tensor
    ) -> Tensor:
        h = self.first(torch.cat([z, z_lr], dim=1))
        h = h + self.time_text_embed(timestep, pooled)[..., None, None]
        return cast("Tensor", self.last(h.tanh()))


@pytest.fixture
def teacher() -> TwoConvolutions:
    torch.manual_seed(0)
    return TwoConvolutions()


def batch(size: int = 3) -> FlowBatch:
    draw = torch.Generator().manual_seed(1)
    x, eps = torch.randn(2, size, 2, 8, 6, generator=draw)
    c = Condition(torch.randn(size, 4, 8, 6, generator=draw), torch.zeros(size, 1, 1),
                  torch.randn(size, 5, generator=draw))  # fmt: skip
    sigma = torch.linspace(0.5, 1.0, size)
    return FlowBatch.between(x, eps, sigma, sigma * torch.tensor([0.0, 1.0, 0.5]), c)


def test_it_is_distilled_and_sampled(teacher: TwoConvolutions) -> None:
    """Without layers for LoRA the student is trained whole, and starts as its teacher."""
    config = StudentConfig(lora_targets=(), time_map="teacher")
    student = build_student(teacher, config, teacher_scale=10.0)
    assert isinstance(student, TwoConvolutions)
    assert not lora_layers(student)
    assert all(parameter.requires_grad for parameter in student.parameters())
    flow = batch()
    v, u = FieldVelocity(Field(teacher, time_scale=10.0)), FieldAverageVelocity(Field(student))
    torch.testing.assert_close(
        u(flow.z, flow.sigma, flow.r, flow.c), v(flow.z, flow.sigma, flow.c), rtol=0, atol=1e-5
    )
    guided = negative_guided(v, flow, flow.c.with_text(torch.ones(1, 1, 1), torch.ones(1, 5)), w=2)
    target = meanflow_target(u, flow, guided)
    assert torch.equal(target[1], guided[1])  # r = sigma
    pseudo_huber(u(flow.z, flow.sigma, flow.r, flow.c), target).mean().backward()
    with_gradient = {n for n, p in student.named_parameters() if p.grad is not None}
    assert with_gradient == dict(student.named_parameters()).keys()
    assert sample_average(u, flow.eps, flow.c, steps=3).shape == flow.eps.shape
    direct = NetworkVelocity(teacher, time_scale=10.0)
    euler = sample_euler(direct, flow.eps, flow.c, shifted_sigmas(4, 3.0))
    assert torch.equal(euler, sample_euler(v, flow.eps, flow.c, shifted_sigmas(4, 3.0)))


def test_its_time_embedding_is_refitted(teacher: TwoConvolutions) -> None:
    student = build_student(teacher, StudentConfig(lora_targets=()), teacher_scale=10.0)
    fit = refit_time(student, teacher, teacher_scale=10.0, adam_steps=20)
    assert fit.after <= fit.ridge < fit.before


def test_stage_1_trains_all_of_it(teacher: TwoConvolutions) -> None:
    teacher.requires_grad_(requires_grad=False)
    mark_trained(teacher, FlowMatchingConfig(trained="control"))
    assert all(parameter.requires_grad for parameter in teacher.parameters())
    with pytest.raises(ConfigError, match="TwoConvolutions has no gradient checkpointing"):
        teacher.enable_gradient_checkpointing()
