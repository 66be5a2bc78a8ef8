"""Ancestral sampling (Ho et al., NeurIPS 2020) on some of Stable Diffusion's 1000 timesteps.

z_t = sqrt(abar_t) x0 + sqrt(1 - abar_t) eps
z_s ~ q(z_s | z_t, x0) for the next s < t, and x0 itself after the last t

This is the DDPM scheduler of SeeSR and the respaced sampler of DiffBIR and StableSR: they differ in
their timesteps alone. All arithmetic is in float32; its coefficients are in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from baselines.sd21.one_step import alpha_bar

TIMESTEPS = 1000


def leading(steps: int) -> tuple[int, ...]:
    """Return diffusers' "leading" timesteps with an offset of 1: 50 steps are 981, 961 ... 1."""
    stride = TIMESTEPS // steps
    return tuple(stride * index + 1 for index in reversed(range(steps)))


def spaced(steps: int) -> tuple[int, ...]:
    """Return evenly spaced timesteps from 999 to 0, ends included: 50 steps are 999, 979, 958 ...

    Args:
        steps: 2 or more.
    """
    stride = (TIMESTEPS - 1) / (steps - 1)
    return tuple(round(stride * index) for index in reversed(range(steps)))


def add_noise(x0: Tensor, noise: Tensor, timestep: int) -> Tensor:
    """Return z_t = sqrt(abar_t) x0 + sqrt(1 - abar_t) noise, in float32, on the device of `x0`."""
    abar = alpha_bar(timestep)
    noised: Tensor = abar**0.5 * x0.float() + (1 - abar) ** 0.5 * noise.to(x0.device).float()
    return noised


def step(z: Tensor, x0: Tensor, abar: float, abar_next: float, noise: Tensor) -> Tensor:
    """Return a draw of z_s from q(z_s | z_t, x0), in float32.

    Args:
        z: z_t.
        x0: the clean latent that is predicted from it.
        abar: abar_t.
        abar_next: abar_s, of the next and smaller timestep.
        noise: N(0, 1) of the shape of z.
    """
    alpha = abar / abar_next
    of_x0 = abar_next**0.5 * (1 - alpha) / (1 - abar)
    of_z = alpha**0.5 * (1 - abar_next) / (1 - abar)
    deviation = ((1 - alpha) * (1 - abar_next) / (1 - abar)) ** 0.5
    mean = of_x0 * x0.float() + of_z * z.float()
    drawn: Tensor = mean + deviation * noise.to(z.device).float()
    return drawn


def sample(
    z: Tensor,
    predict_x0: Callable[[Tensor, int], Tensor],
    timesteps: Sequence[int],
    draw: Callable[[], Tensor],
    *,
    table: Sequence[float] | None = None,
) -> Tensor:
    """Return x0 of the last timestep, float32.

    Args:
        z: latents at the first timestep.
        predict_x0: gives x0 of latents and their timestep.
        timesteps: falling.
        draw: gives N(0, 1) noise of the latents' shape; called once between two timesteps.
        table: abar of all 1000 timesteps; None for Stable Diffusion's own.
    """
    abar = [table[t] if table else alpha_bar(t) for t in timesteps]
    for index, timestep in enumerate(timesteps[:-1]):
        x0 = predict_x0(z, timestep)
        z = step(z, x0, abar[index], abar[index + 1], draw())
    return predict_x0(z, timesteps[-1]).to(torch.float32)
