"""The reverse chains: from the LR latent y and noise to the HR latent x_0.

Every chain draws what the official loops draw, also what they throw away, so that one stream of
noise gives the official result for every tile of an image.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from baselines.resshift.schedule import Schedule
from baselines.swin_family.noise import draw

Denoiser = Callable[[Tensor, Tensor, Tensor], Tensor]  # scaled x_t, t (B,), LR image -> x_0
Chain = Callable[[Denoiser, Schedule, Tensor, Tensor, torch.Generator], Tensor]


def predict(denoiser: Denoiser, schedule: Schedule, x: Tensor, t: int, lr: Tensor) -> Tensor:
    """Return the network's x_0, float32, from x_t (B, C, h, w) and the LR image (B, 3, h, w)."""
    times = torch.full((len(x),), t, device=x.device)
    return denoiser(schedule.input_scale(t) * x, times, lr).float()


def prior(schedule: Schedule, y: Tensor, noise: torch.Generator) -> Tensor:
    """Return x_{T-1} = y + kappa sqrt(eta_{T-1}) noise."""
    return y + schedule.prior_scale() * draw(y.shape, noise).to(y)


def one_step(
    denoiser: Denoiser, schedule: Schedule, y: Tensor, lr: Tensor, noise: torch.Generator
) -> Tensor:
    """Return SinSR's x_0: the prediction from the prior."""
    x = prior(schedule, y, noise)
    x0 = predict(denoiser, schedule, x, schedule.steps - 1, lr)
    draw(y.shape, noise)  # of the ancestral step that the official loop takes and does not use
    return x0


def ancestral(
    denoiser: Denoiser, schedule: Schedule, y: Tensor, lr: Tensor, noise: torch.Generator
) -> Tensor:
    """Return ResShift's x_0: T steps, each sampled from the posterior."""
    x = prior(schedule, y, noise)
    for t in reversed(range(schedule.steps)):
        x0 = predict(denoiser, schedule, x, t, lr)
        a, b, s = schedule.posterior(t)
        x = a * x + b * x0 + s * draw(y.shape, noise).to(y)  # s is 0 at t = 0
    return x


def deterministic(
    denoiser: Denoiser, schedule: Schedule, y: Tensor, lr: Tensor, noise: torch.Generator
) -> Tensor:
    """Return x_0 of the noise-free chain that SinSR was distilled from."""
    x = prior(schedule, y, noise)
    for t in reversed(range(schedule.steps)):
        x0 = predict(denoiser, schedule, x, t, lr)
        k, m, j = schedule.deterministic(t)
        x = k * x0 + m * x + j * y
    return x
