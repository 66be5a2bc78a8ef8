from __future__ import annotations

import torch
from torch import Tensor

from mfsr.field import gaussian_average


def deviation(t: Tensor, variance: Tensor) -> Tensor:
    return ((1 - t).square() * variance + t.square()).sqrt()


def test_the_gaussian_average_is_the_displacement_over_the_interval() -> None:
    generator = torch.Generator().manual_seed(0)
    z, mu = torch.randn(2, 500, generator=generator, dtype=torch.float64)
    variance = torch.rand(500, generator=generator, dtype=torch.float64) * 3 + 0.01
    sigma = 0.2 + 0.8 * torch.rand(500, generator=generator, dtype=torch.float64)
    r = sigma * torch.rand(500, generator=generator, dtype=torch.float64)
    score = (z - (1 - sigma) * mu) / deviation(sigma, variance)
    z_r = (1 - r) * mu + deviation(r, variance) * score
    found = gaussian_average(z, sigma, r, mu, variance)
    torch.testing.assert_close(found, (z - z_r) / (sigma - r), atol=1e-9, rtol=1e-6)


def test_at_r_equal_sigma_it_is_the_conditional_mean_of_eps_minus_x() -> None:
    """Against a regression on draws of the joint distribution."""
    generator = torch.Generator().manual_seed(1)
    count, sigma, mu, variance = 200_000, 0.6, 0.8, 0.25
    x = mu + variance**0.5 * torch.randn(count, generator=generator, dtype=torch.float64)
    eps = torch.randn(count, generator=generator, dtype=torch.float64)
    z = (1 - sigma) * x + sigma * eps
    design = torch.stack([z, torch.ones_like(z)], dim=1)
    fitted = design @ torch.linalg.lstsq(design, (eps - x)[:, None]).solution
    level = torch.full_like(z, sigma)
    found = gaussian_average(z, level, level, torch.full_like(z, mu), torch.full_like(z, variance))
    torch.testing.assert_close(found, fitted[:, 0], atol=0.02, rtol=0.02)


def test_no_noise_is_left_undivided() -> None:
    zero = torch.zeros(3)
    v = gaussian_average(torch.ones(3), zero, zero, zero, torch.full((3,), 1e-3))
    torch.testing.assert_close(v, -torch.ones(3))  # E[eps] = 0, E[x] = z
