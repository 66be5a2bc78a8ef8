from __future__ import annotations

import torch
from diffusers import DDPMScheduler

from baselines.sd21.one_step import alpha_bar, denoise, predict_x0
from benchmarks.api.tiling import Tiling


def _scheduler() -> DDPMScheduler:
    return DDPMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False
    )


def test_alpha_bar_is_that_of_the_schedule() -> None:
    assert abs(alpha_bar() - 0.00466009508818) < 1e-12
    assert alpha_bar(0) == float(_scheduler().alphas_cumprod[0])
    assert alpha_bar() == float(_scheduler().alphas_cumprod[999])


def test_x0_is_what_one_step_of_the_scheduler_gives() -> None:
    generator = torch.Generator().manual_seed(0)
    z, eps = torch.randn(2, 1, 4, 8, 8, generator=generator)
    scheduler = _scheduler()
    scheduler.set_timesteps(timesteps=[999])
    step = scheduler.step(eps, torch.tensor([999]), z)
    torch.testing.assert_close(predict_x0(z, eps), step.pred_original_sample, rtol=0, atol=1e-5)
    torch.testing.assert_close(predict_x0(z, eps), step.prev_sample, rtol=0, atol=1e-5)


def test_x0_undoes_noising() -> None:
    generator = torch.Generator().manual_seed(0)
    x0, eps = torch.randn(2, 1, 4, 8, 8, generator=generator, dtype=torch.float64)
    z = alpha_bar() ** 0.5 * x0 + (1 - alpha_bar()) ** 0.5 * eps
    torch.testing.assert_close(predict_x0(z, eps).double(), x0, rtol=0, atol=2e-5)


def test_x0_is_float32_whatever_the_network_computes_in() -> None:
    z, eps = torch.randn(2, 1, 4, 8, 8).half()
    assert predict_x0(z, eps).dtype == torch.float32
    torch.testing.assert_close(predict_x0(z, eps), predict_x0(z.float(), eps.float()))


def test_tiles_are_joined_before_the_step() -> None:
    z = torch.randn(1, 4, 24, 16, generator=torch.Generator().manual_seed(0))
    seen = []

    def predict(tile: torch.Tensor) -> torch.Tensor:
        seen.append(tuple(tile.shape[-2:]))
        return tile.tanh()

    found = denoise(z, predict, Tiling(tile=12, overlap=4))
    assert set(seen) == {(12, 12)}
    assert len(seen) == 6
    torch.testing.assert_close(found, predict_x0(z, z.tanh()), rtol=0, atol=1e-4)
