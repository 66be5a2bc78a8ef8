from __future__ import annotations

import torch
from torch import Tensor

from baselines.dit4sr.field import Condition
from mfsr.sampler import sample_average

NOTHING = torch.zeros(2, 1)
C = Condition(NOTHING, NOTHING, NOTHING)


def test_average_steps_visit_uniform_levels_once_each() -> None:
    visited = []

    def u(z: Tensor, sigma: Tensor, r: Tensor, c: Condition) -> Tensor:
        visited.append((sigma[0].item(), r[0].item()))
        return torch.ones_like(z)

    eps = torch.full((2, 3), 5.0)
    assert torch.equal(sample_average(u, eps, C, steps=4), eps - 1)
    assert visited == [(1.0, 0.75), (0.75, 0.5), (0.5, 0.25), (0.25, 0.0)]
