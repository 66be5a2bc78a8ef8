from __future__ import annotations

import pytest
import torch
from torch import Tensor

from baselines.dit4sr.field import Condition
from baselines.dit4sr.sampler import guided, sample_euler
from baselines.sd3.noise_levels import shifted_sigmas

NOTHING = torch.zeros(2, 1)
C = Condition(NOTHING, NOTHING, NOTHING)


def test_the_schedule_is_that_of_diffusers() -> None:
    """FlowMatchEulerDiscreteScheduler, shift 3, 40 steps, as DiT4SR runs it."""
    from diffusers import FlowMatchEulerDiscreteScheduler

    scheduler = FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=3.0)
    for steps in (40, 7, 1):
        scheduler.set_timesteps(steps)
        assert shifted_sigmas(steps, 3.0) == pytest.approx(scheduler.sigmas.tolist(), abs=1e-6)
    assert shifted_sigmas(40, 3.0)[-3:] == pytest.approx([0.08105, 0.00893, 0.0], abs=1e-5)


def test_euler_of_a_constant_velocity_is_exact() -> None:
    eps = torch.full((2, 3), 5.0)
    out = sample_euler(lambda z, s, c: torch.full_like(z, 2.0), eps, C, shifted_sigmas(7, 3.0))
    torch.testing.assert_close(out, eps - 2)


def test_guidance_evaluates_the_other_condition_first_and_once() -> None:
    calls = []

    def v(z: Tensor, sigma: Tensor, c: Condition) -> Tensor:
        calls.append(c.text.flatten().tolist())
        return c.text * torch.ones_like(z)

    c = Condition(NOTHING, torch.full((2, 1), 3.0), NOTHING)
    other = Condition(NOTHING, torch.full((2, 1), 1.0), NOTHING)
    out = guided(v, other, scale=4.0)(torch.zeros(2, 5), torch.ones(2), c)
    assert calls == [[1.0, 1.0, 3.0, 3.0]]
    assert torch.equal(out, torch.full((2, 5), 1 + 4 * (3 - 1.0)))
