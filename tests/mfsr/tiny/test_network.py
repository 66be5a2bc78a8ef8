from __future__ import annotations

import filling
import torch

from baselines.dit4sr.field import Condition
from mfsr.field import Field, FieldAverageVelocity, FieldVelocity
from mfsr.flow import FlowBatch
from mfsr.meanflow import total_derivative
from mfsr.student import StudentConfig, build_student
from mfsr.tiny.network import UNetConfig, VelocityUNet

SHAPE = UNetConfig(channels=4, condition=5, width=8, blocks=(1, 1, 1), embedding=8, pooled=3)


def network() -> VelocityUNet:
    made = VelocityUNet(SHAPE).double().eval()
    filling.fill(made)
    return made


def case(side: int = 16) -> tuple[torch.Tensor, Condition]:
    parts = (("z", 4), ("z_lr", 5))
    z, z_lr = (filling.stream(name, 2, width, side, side).double() for name, width in parts)
    pooled = filling.stream("pooled", 2, 3).double()
    return z, Condition(z_lr, pooled[:, None], pooled)


def test_a_new_student_is_its_teacher_and_is_trained_whole() -> None:
    teacher = network()
    config = StudentConfig(lora_targets=(), time_map="teacher")
    student = build_student(teacher, config, teacher_scale=10.0)
    z, c = case()
    sigma, r = torch.tensor([1.0, 0.6]), torch.tensor([0.0, 0.6])
    u = FieldAverageVelocity(Field(student, time_scale=10.0))(z, sigma, r, c)
    v = FieldVelocity(Field(teacher, time_scale=10.0))(z, sigma, c)
    torch.testing.assert_close(u, v, atol=1e-6, rtol=1e-6)
    assert all(parameter.requires_grad for parameter in student.parameters())


def test_the_time_derivative_is_exact() -> None:
    student = build_student(
        network(), StudentConfig(lora_targets=(), time_map="teacher"), teacher_scale=1.0
    )
    z, c = case()
    flow = FlowBatch(z, z, z, torch.tensor([0.9, 0.5]), torch.tensor([0.2, 0.4]), c)
    u = FieldAverageVelocity(Field(student))
    v = filling.stream("v", *z.shape).double()
    exact = total_derivative(u, flow, v)
    near = total_derivative(u, flow, v, method="difference", step=1e-3)
    assert (exact - near).norm() / exact.norm() < 1e-3


@torch.no_grad()
def test_a_pixel_sees_no_further_than_its_kernels() -> None:
    """A change in one corner reaches 15 pixels, and no norm or mean carries it further."""
    field = FieldVelocity(Field(network(), time_scale=10.0))
    z, c = case(64)
    sigma = torch.tensor([0.7, 0.7])
    changed = z.clone()
    changed[..., :2, :2] += 1
    moved = (field(changed, sigma, c) - field(z, sigma, c)).abs().amax((0, 1)) > 0
    rows, columns = torch.nonzero(moved, as_tuple=True)
    # After: 1 + 2 x 2 x (2 blocks) at full resolution, 2 x 2 at half, and 2 for the pair itself.
    assert 4 < max(int(rows.max()), int(columns.max())) < 16
