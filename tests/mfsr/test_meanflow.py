"""The method on flows whose answers are known in closed form, and its derivative on a network."""

from __future__ import annotations

import math

import filling
import pytest
import torch
from torch import Tensor

from baselines.dit4sr.field import Condition, over
from baselines.dit4sr.network import DiT4SR
from baselines.dit4sr.sampler import sample_euler
from mfsr.alternatives import OFTSRWeights, oftsr_loss, split_target
from mfsr.field import Field, FieldAverageVelocity
from mfsr.flow import FlowBatch
from mfsr.meanflow import (
    ground_truth,
    meanflow_guided,
    meanflow_target,
    negative_guided,
    pseudo_huber,
    sample_times,
    total_derivative,
)
from mfsr.sampler import sample_average
from mfsr.student import StudentConfig, build_student

MU, S = 0.7, 0.4  # data ~ N(MU, S^2), noise ~ N(0, 1): every quantity of the flow is closed form


def mean(sigma: Tensor) -> Tensor:
    return (1 - sigma) * MU


def deviation(sigma: Tensor) -> Tensor:
    return ((1 - sigma).square() * S * S + sigma.square()).sqrt()


def gaussian_v(z: Tensor, sigma: Tensor, c: Condition) -> Tensor:
    """E[eps - x | z]."""
    s = over(sigma, z)
    return (s - (1 - s) * S * S) * (z - mean(s)) / deviation(s).square() - MU


def gaussian_u(z: Tensor, sigma: Tensor, r: Tensor, c: Condition) -> Tensor:
    """The exact mean of V on [r, sigma]: the flow maps standard scores to standard scores."""
    s, e = over(sigma, z), over(r, z)
    z_r = mean(e) + deviation(e) * (z - mean(s)) / deviation(s)
    return (z - z_r) / (s - e)


def condition(batch: int) -> Condition:
    nothing = torch.zeros(batch, 1)
    return Condition(nothing, nothing, nothing)


def batch_of(count: int, dtype: torch.dtype = torch.float64) -> FlowBatch:
    generator = torch.Generator().manual_seed(1)
    x = MU + S * torch.randn(count, 2, 3, 3, generator=generator, dtype=dtype)
    eps = torch.randn(x.shape, generator=generator, dtype=dtype)
    sigma = torch.linspace(0.3, 1.0, count, dtype=dtype)
    return FlowBatch.between(x, eps, sigma, sigma * 0.4, condition(count))


def test_the_exact_average_velocity_satisfies_eq_12() -> None:
    flow = batch_of(6)
    target = meanflow_target(gaussian_u, flow, gaussian_v(flow.z, flow.sigma, flow.c))
    exact = gaussian_u(flow.z, flow.sigma, flow.r, flow.c)
    torch.testing.assert_close(target.double(), exact, atol=1e-6, rtol=1e-6)


def test_the_exact_average_velocity_satisfies_interval_splitting() -> None:
    flow = batch_of(6)
    lam = torch.linspace(0.1, 0.9, 6, dtype=torch.float64)
    target = split_target(gaussian_u, flow, ground_truth, lam)
    exact = gaussian_u(flow.z, flow.sigma, flow.r, flow.c)
    torch.testing.assert_close(target.double(), exact, atol=1e-5, rtol=1e-5)


def test_where_r_is_sigma_every_target_is_the_velocity() -> None:
    flow = batch_of(4, torch.float32)
    flow = flow.moved(flow.z, flow.sigma)
    v = gaussian_v(flow.z, flow.sigma, flow.c)

    def forbidden(*_: object) -> Tensor:
        raise AssertionError("no derivative and no split is needed")

    assert torch.equal(meanflow_target(forbidden, flow, v), v)
    split = split_target(forbidden, flow, lambda part: gaussian_v(part.z, part.sigma, part.c),
                         torch.full((4,), 0.5))  # fmt: skip
    assert torch.equal(split, v)


def test_the_derivative_is_computed_for_the_other_samples_alone() -> None:
    flow = batch_of(4, torch.float32)
    r = torch.stack([flow.sigma[0], flow.r[1], flow.sigma[2], flow.r[3]])
    flow = FlowBatch.between(flow.x, flow.eps, flow.sigma, r, flow.c)
    seen = []

    def u(z: Tensor, sigma: Tensor, r: Tensor, c: Condition) -> Tensor:
        seen.append(len(z))
        return gaussian_u(z, sigma, r, c)

    v = gaussian_v(flow.z, flow.sigma, flow.c)
    target = meanflow_target(u, flow, v)
    assert seen == [2]
    assert torch.equal(target[::2], v[::2])
    exact = gaussian_u(flow.z[1::2], flow.sigma[1::2], flow.r[1::2], flow.c[:2])
    torch.testing.assert_close(target[1::2], exact, atol=1e-4, rtol=1e-4)


def curved(z: Tensor, sigma: Tensor, r: Tensor, c: Condition) -> Tensor:
    """Some smooth function that is no average velocity of anything."""
    s, e = over(sigma, z), over(r, z)
    return torch.sin(1.3 * z + 0.7 * s) * torch.exp(-0.5 * e) + 0.2 * s * e


def test_splitting_off_a_short_interval_becomes_meanflow() -> None:
    """(split target - U) / lam -> V - (sigma - r) dU/dsigma - U with V = U(z, sigma, sigma)."""
    flow = batch_of(5)
    u = curved(flow.z, flow.sigma, flow.r, flow.c)
    v = curved(flow.z, flow.sigma, flow.sigma, flow.c)
    limit = meanflow_target(curved, flow, v).double() - u

    def exact_split(lam: float) -> Tensor:
        s = (1 - lam) * flow.sigma + lam * flow.r
        first = curved(flow.z, flow.sigma, s, flow.c)
        z_s = flow.z - over(flow.sigma - s, first) * first
        return lam * first + (1 - lam) * curved(z_s, s, flow.r, flow.c)

    given = split_target(curved, flow, ground_truth, torch.full((5,), 0.25, dtype=torch.float64))
    torch.testing.assert_close(given.double(), exact_split(0.25), atol=1e-6, rtol=1e-6)
    errors = [((exact_split(lam) - u) / lam - limit).norm().item() for lam in (1e-2, 1e-3)]
    assert errors[1] < 0.11 * errors[0]  # first order in lam


def test_oftsr_is_solved_by_the_exact_average_velocity() -> None:
    flow = batch_of(6, torch.float32)
    weights = OFTSRWeights(dt=0.01)

    def u(z: Tensor, sigma: Tensor, r: Tensor, c: Condition) -> Tensor:
        at_end = (sigma == r).view(-1, 1, 1, 1)
        v = gaussian_v(z, sigma, c)
        return torch.where(at_end, v, gaussian_u(z, sigma, torch.where(sigma == r, r - 0.5, r), c))

    def velocity(part: FlowBatch) -> Tensor:
        return gaussian_v(part.z, part.sigma, part.c)

    distil_and_boundary = OFTSRWeights(dt=0.01, align=0.0)
    exact = oftsr_loss(u, u, flow, velocity, distil_and_boundary)
    wrong = oftsr_loss(
        lambda *a: 1.1 * u(*a), lambda *a: 1.1 * u(*a), flow, velocity, distil_and_boundary
    )
    assert exact.max() < 1e-6
    assert wrong.min() > 1e-4
    assert (oftsr_loss(u, u, flow, velocity, weights) >= exact).all()


def test_iterating_eq_12_solves_a_linear_field_exactly() -> None:
    """V = a z: U = z (1 - exp(-a d)) / (a d) with d = sigma - r; one step is exact to 1e-6.

    U is a polynomial in d, moved step by step towards its own target, as training does.
    """
    a, degree = 0.8, 12
    coefficients = torch.zeros(degree + 1, dtype=torch.float64)
    powers = torch.arange(degree + 1, dtype=torch.float64)

    def u(z: Tensor, sigma: Tensor, r: Tensor, c: Condition) -> Tensor:
        return z * over(((sigma - r)[:, None] ** powers) @ coefficients, z)

    d = 0.5 * (1 - torch.cos(torch.linspace(0.05, math.pi, 40, dtype=torch.float64)))
    one = torch.ones(40, 1, 1, 1, dtype=torch.float64)
    flow = FlowBatch(one, one, one, torch.ones_like(d), 1 - d, condition(40))
    basis = d[:, None] ** powers
    for _ in range(300):
        v = a * flow.z
        target = v - over(d, one) * total_derivative(u, flow, v)
        step = torch.linalg.lstsq(basis, (target - u(one, flow.sigma, flow.r, flow.c)).flatten())
        coefficients = coefficients + step.solution / (degree + 2)
    eps = torch.tensor([[1.5], [-0.3]], dtype=torch.float64)
    exact = eps * math.exp(-a)
    for steps in (1, 2, 5):
        found = sample_average(u, eps, condition(2), steps=steps)
        torch.testing.assert_close(found, exact, atol=1e-6, rtol=0)


def test_one_step_of_the_exact_average_is_many_euler_steps() -> None:
    eps = torch.randn(2, 2, 3, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    sigmas = torch.linspace(1, 0, 4001).tolist()
    euler = sample_euler(gaussian_v, eps, condition(2), sigmas)
    one = sample_average(gaussian_u, eps, condition(2), steps=1)
    torch.testing.assert_close(one, MU + S * eps)
    torch.testing.assert_close(euler, one, atol=1e-3, rtol=1e-3)


def network_case(dtype: torch.dtype) -> tuple[Field, FlowBatch]:
    teacher = DiT4SR.of(filling.SMALL)
    student = build_student(teacher, StudentConfig(lora_rank=4), teacher_scale=1000.0)
    filling.fill(student)
    field = Field(student.to(dtype)).eval()
    c = Condition(
        filling.stream("z_lr", 3, 4, 8, 8).to(dtype),
        filling.stream("text", 3, 5, 12).to(dtype),
        filling.stream("pooled", 3, 10).to(dtype),
    )
    x, eps = filling.stream("x", 3, 4, 8, 8).to(dtype), filling.stream("eps", 3, 4, 8, 8).to(dtype)
    sigma, r = torch.tensor([0.9, 0.6, 1.0]), torch.tensor([0.2, 0.5, 0.0])
    return field, FlowBatch.between(x, eps, sigma.to(dtype), r.to(dtype), c)


def test_jvp_of_a_network_agrees_with_fp64_and_with_differences() -> None:
    exact_field, exact_flow = network_case(torch.float64)
    # Times stay float32 in a field, so the reference differentiates in float64 around them.
    exact = total_derivative(FieldAverageVelocity(exact_field), exact_flow, exact_flow.straight)
    field, flow = network_case(torch.float32)
    u = FieldAverageVelocity(field)
    jvp = total_derivative(u, flow, flow.straight)
    difference = total_derivative(u, flow, flow.straight, method="difference")
    scale = exact.norm()
    assert scale > 0.1
    assert (jvp.double() - exact).norm() / scale <= 1e-5
    assert (difference.double() - exact).norm() / scale <= 5e-3  # truncation at step 0.005


def test_training_at_r_equal_sigma_alone_is_flow_matching() -> None:
    field, flow = network_case(torch.float32)
    flow = flow.moved(flow.z, flow.sigma)
    u = FieldAverageVelocity(field)
    parameters = [p for p in field.parameters() if p.requires_grad]

    prediction = u(flow.z, flow.sigma, flow.r, flow.c)
    target = meanflow_target(u, flow, ground_truth(flow))
    ours = torch.autograd.grad((prediction - target).square().mean(), parameters, allow_unused=True)
    prediction = u(flow.z, flow.sigma, flow.r, flow.c)
    matching = (prediction - (flow.eps - flow.x)).square().mean()
    theirs = torch.autograd.grad(matching, parameters, allow_unused=True)

    for one, other in zip(ours, theirs, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            torch.testing.assert_close(one, other)


def test_guidance_is_eq_11_and_a_sampler_scale_of_one_plus_w() -> None:
    flow = batch_of(3, torch.float32)
    c = Condition(torch.ones(3, 1), torch.ones(3, 1), torch.ones(3, 1))
    flow = FlowBatch.between(flow.x, flow.eps, flow.sigma, flow.r, c)
    other = c.with_text(torch.full((1, 1), -1.0), torch.zeros(1, 1))

    def teacher(z: Tensor, sigma: Tensor, c: Condition) -> Tensor:
        return c.text.view(-1, 1, 1, 1) * z

    v = negative_guided(teacher, flow, other, w=6.0)
    torch.testing.assert_close(v, flow.z + 6 * (flow.z + flow.z))  # V_c = z, V_neg = -z
    torch.testing.assert_close(v, -flow.z + 7 * (flow.z + flow.z))


def test_meanflow_guidance_is_eq_9() -> None:
    flow = batch_of(3, torch.float32)
    c = Condition(torch.ones(3, 1), torch.ones(3, 1), torch.ones(3, 1))
    flow = FlowBatch.between(flow.x, flow.eps, flow.sigma, flow.r, c)
    null = c.with_text(torch.zeros(1, 1), torch.zeros(1, 1))

    def student(z: Tensor, sigma: Tensor, r: Tensor, c: Condition) -> Tensor:
        assert torch.equal(sigma, r)
        return (2 + c.text).view(-1, 1, 1, 1) * z

    v = meanflow_guided(student, flow, null, w=1.0, kappa=0.83)
    torch.testing.assert_close(v, flow.straight + 0.83 * 3 * flow.z - 0.83 * 2 * flow.z)


@pytest.mark.parametrize("pairs", ["nested", "sorted"])
def test_times_are_ordered_and_equal_as_often_as_asked(pairs: str) -> None:
    generator = torch.Generator().manual_seed(0)
    sigma, r = sample_times(20_000, prob_equal=0.25, generator=generator, pairs=pairs)  # type: ignore[arg-type]
    assert (r >= 0).all() and (r <= sigma).all() and (sigma <= 1).all()
    assert (sigma == r).float().mean().item() == pytest.approx(0.25, abs=0.01)
    apart = sigma > r
    # nested: E sigma = 1/2, E r = 1/4; sorted: 2/3 and 1/3.
    expected = (0.5, 0.25) if pairs == "nested" else (2 / 3, 1 / 3)
    assert sigma[apart].mean().item() == pytest.approx(expected[0], abs=0.01)
    assert r[apart].mean().item() == pytest.approx(expected[1], abs=0.01)


def test_pseudo_huber_is_a_norm_far_away_and_a_square_nearby() -> None:
    prediction = torch.zeros(2, 4, 8, 8)
    target = torch.stack([torch.full((4, 8, 8), 3.0), torch.full((4, 8, 8), 1e-5)])
    loss = pseudo_huber(prediction, target, c=0.1)
    assert loss[0].item() == pytest.approx(3 * 16 - 0.1, rel=1e-4)
    assert loss[1].item() == pytest.approx((1e-5 * 16) ** 2 / 0.2, rel=0.2)
    c = 0.00054 * 16
    default = pseudo_huber(prediction, target)
    assert default[0].item() == pytest.approx(math.hypot(48, c) - c, rel=1e-6)
