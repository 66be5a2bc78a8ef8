from __future__ import annotations

from dataclasses import replace

import filling
import pytest
import torch

from baselines.dit4sr.field import Condition
from baselines.dit4sr.network import DiT4SR
from mfsr.field import Field, FieldAverageVelocity, FieldVelocity
from mfsr.student import StudentConfig, TimeMap, build_student, lora_layers, refit_time


@pytest.fixture
def teacher() -> DiT4SR:
    network = DiT4SR.of(replace(filling.SMALL, key_control="lr")).eval()
    filling.fill(network)
    return network


def case() -> tuple[torch.Tensor, Condition]:
    c = Condition(
        filling.stream("z_lr", 3, 4, 8, 8),
        filling.stream("text", 3, 5, 12),
        filling.stream("pooled", 3, 10),
    )
    return filling.stream("z", 3, 4, 8, 8), c


def test_a_new_student_is_its_teacher_for_every_interval(teacher: DiT4SR) -> None:
    student = build_student(teacher, StudentConfig(time_map="teacher"), teacher_scale=1000.0)
    z, c = case()
    sigma, r = torch.tensor([1.0, 0.7, 0.4]), torch.tensor([0.0, 0.7, 0.1])
    with torch.no_grad():
        u = FieldAverageVelocity(Field(student))(z, sigma, r, c)
        v = FieldVelocity(Field(teacher))(z, sigma, c)
    torch.testing.assert_close(u, v, atol=1e-6, rtol=1e-6)


def test_the_first_gradient_reaches_all_that_is_trained(teacher: DiT4SR) -> None:
    student = build_student(teacher, StudentConfig(lora_rank=2), teacher_scale=1000.0)
    z, c = case()
    sigma, r = torch.tensor([1.0, 0.7, 0.4]), torch.tensor([0.0, 0.2, 0.1])
    FieldAverageVelocity(Field(student))(z, sigma, r, c).square().sum().backward()
    trained = {n: p for n, p in student.named_parameters() if p.requires_grad}
    assert all(p.grad is not None for p in trained.values())
    assert trained["time_text_embed.end_embedder.linear_2.weight"].grad.any()  # type: ignore[union-attr]
    assert trained["transformer_blocks.0.attn.to_q.lora_B.default.weight"].grad.any()  # type: ignore[union-attr]
    assert not any("context_embedder" in name or ".text_embedder." in name for name in trained)


def test_lora_adapts_the_listed_layers_and_no_control_layer(teacher: DiT4SR) -> None:
    layers = lora_layers(build_student(teacher, StudentConfig(lora_rank=2), teacher_scale=1000.0))
    assert "transformer_blocks.0.attn2.to_out.0" in layers
    assert "transformer_blocks.0.ff_context.net.2" in layers
    assert not any("control" in name for name in layers)
    # Block 0: attn 8, attn2 4, ff 2, ff_context 2; block 1, the last: no to_add_out, no ff_context.
    assert len(layers) == 16 + 9


def test_to_k_control_is_left_alone_where_it_has_no_effect() -> None:
    network = DiT4SR.of(replace(filling.SMALL, key_control="noise"))
    student = build_student(network, StudentConfig(lora_rank=2), teacher_scale=1000.0)
    trained = {n for n, p in student.named_parameters() if p.requires_grad}
    assert not any("to_k_control" in name for name in trained)
    assert any("to_q_control" in name for name in trained)


@pytest.mark.parametrize(("time_map", "scale"), [("sigma", 1.0), ("scaled", 20.0)])
def test_a_smooth_time_curve_is_refitted(teacher: DiT4SR, time_map: TimeMap, scale: float) -> None:
    """A teacher that only reads slow features of its time can be followed closely."""
    with torch.no_grad():
        # Frequencies fall from 1 per unit: of time 10 sigma, keep what turns at most once or so.
        weight = teacher.time_text_embed.timestep_embedder.linear_1.weight
        weight[:, :40] = 0
        weight[:, 128:168] = 0
    config = StudentConfig(lora_rank=2, time_map=time_map, time_scale=scale)
    student = build_student(teacher, config, teacher_scale=10.0)
    fit = refit_time(student, teacher, teacher_scale=10.0, adam_steps=50)
    assert fit.before > 0.5
    assert fit.after <= fit.ridge < 0.01
    assert fit.weight_norm < 1e4
    z, c = case()
    sigma = torch.tensor([1.0, 0.7, 0.4])
    with torch.no_grad():
        u = FieldAverageVelocity(Field(student, time_scale=10.0))(z, sigma, sigma, c)
        v = FieldVelocity(Field(teacher, time_scale=10.0))(z, sigma, c)
    assert (u - v).norm() / v.norm() < 0.01


def test_an_unknown_time_map_is_refused() -> None:
    with pytest.raises(ValueError, match="'sigma', 'teacher' or 'scaled'"):
        StudentConfig(time_map="cosine")  # type: ignore[arg-type]
