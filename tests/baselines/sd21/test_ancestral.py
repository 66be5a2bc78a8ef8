from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from diffusers import DDPMScheduler
from torch import Tensor

from baselines.sd21.ancestral import add_noise, leading, sample, spaced, step
from baselines.sd21.one_step import alpha_bar, predict_x0


def scheduler() -> DDPMScheduler:
    """Built from the file that Stable Diffusion ships."""
    return DDPMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        steps_offset=1,
        timestep_spacing="leading",
    )


@pytest.mark.parametrize("steps", [1, 5, 20, 50, 75])
def test_leading_timesteps_are_the_schedulers(steps: int) -> None:
    reference = scheduler()
    reference.set_timesteps(steps)
    assert list(leading(steps)) == reference.timesteps.tolist()


def test_spaced_timesteps_are_those_of_the_respaced_samplers() -> None:
    assert spaced(5) == (999, 749, 500, 250, 0)
    assert spaced(50)[:5] == (999, 979, 958, 938, 917)
    assert spaced(200)[24:27] == (879, 873, 868)
    assert spaced(2) == (999, 0)


@pytest.mark.parametrize("timesteps", [leading(50), spaced(50), (999, 3)])
def test_a_step_is_the_schedulers(
    timesteps: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    noise, z, eps = torch.randn(3, 1, 4, 6, 8, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr("diffusers.schedulers.scheduling_ddpm.randn_tensor", lambda *_, **__: noise)
    reference = scheduler()
    reference.set_timesteps(timesteps=list(timesteps))
    for now, after in pairwise(timesteps):
        expected = reference.step(eps, torch.tensor(now), z).prev_sample
        found = step(z, predict_x0(z, eps, now), alpha_bar(now), alpha_bar(after), noise)
        torch.testing.assert_close(found, expected, rtol=2e-5, atol=2e-5)


def test_the_loop_draws_between_steps_and_ends_in_x0() -> None:
    drawn: list[Tensor] = []
    seen: list[int] = []

    def draw() -> Tensor:
        drawn.append(torch.zeros(1, 4, 2, 2))
        return drawn[-1]

    def x0(z: Tensor, timestep: int) -> Tensor:
        seen.append(timestep)
        return torch.full_like(z, timestep)

    found = sample(torch.ones(1, 4, 2, 2), x0, (900, 500, 7), draw)
    assert (seen, len(drawn)) == ([900, 500, 7], 2)
    assert found.unique().tolist() == [7]


def test_a_table_of_ones_own_takes_the_place_of_the_schedule() -> None:
    """With abar = 0 at the start and 1 after it, one step leads to x0, whatever the noise."""
    abar = [1.0] * 999 + [0.0]
    seen = []

    def x0(z: Tensor, timestep: int) -> Tensor:
        seen.append(z)
        return torch.full_like(z, 3.0)

    sample(torch.ones(1, 4, 2, 2), x0, (999, 0), lambda: torch.randn(1, 4, 2, 2), table=abar)
    torch.testing.assert_close(seen[1], torch.full((1, 4, 2, 2), 3.0))


def test_noise_is_added_as_the_scheduler_adds_it() -> None:
    x0, noise = torch.randn(2, 1, 4, 6, 8)
    expected = scheduler().add_noise(x0, noise, torch.tensor([400]))
    torch.testing.assert_close(add_noise(x0, noise, 400), expected)
