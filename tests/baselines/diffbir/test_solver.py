from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from baselines.diffbir import network, solver
from baselines.diffbir.restorer import DiffBIR
from benchmarks.api.errors import ConfigError
from benchmarks.api.restorer import Runtime

OFFICIAL: dict[str, Any] = json.loads((Path(__file__).parent / "solver.json").read_text())


def _field(frequency: float) -> Tensor:
    """A pattern in the place of noise, (1, 4, 2, 4)."""
    indices = torch.arange(1, 33, dtype=torch.float64)
    return torch.sin(indices * frequency).reshape(1, 4, 2, 4).float() * 1.4


def _restored(timesteps: tuple[int, ...], *, guidance: float = 6.0, abar_999: float = 1e-8) -> Any:
    """What a formula in the network's place leads to."""

    def v(z: Tensor, timestep: int, text: float) -> Tensor:
        return torch.tanh(0.7 * z.flip(1) + 0.2 * text) * (0.5 + timestep / 1500)

    def x0(z: Tensor, timestep: int) -> Tensor:
        without, led = v(z, timestep, -0.6), v(z, timestep, 0.9)
        abar = abar_999 if timestep == 999 else solver.abar_of(timestep)
        return network.x0_of_v(z, without + guidance * (led - without), abar)

    numbers = count(1)
    return solver.sample(_field(1.0), x0, timesteps, lambda: _field(1.0 + 0.37 * next(numbers)))


@pytest.mark.parametrize("steps", [3, 4, 10])
def test_latents_are_those_of_the_official_sampler(steps: int) -> None:
    expected = torch.tensor(OFFICIAL[str(steps)]["z"]).reshape(1, 4, 2, 4)
    timesteps = solver.falling(steps)
    assert list(timesteps) == OFFICIAL[str(steps)]["timesteps"]
    sigmas = [((1 - a) / a) ** 0.5 for a in map(solver.abar_of, timesteps)]
    assert sigmas == pytest.approx(OFFICIAL[str(steps)]["sigmas"][:-1], rel=1e-5)
    bound = 1e-5 * float(expected.abs().max())
    assert float((_restored(timesteps) - expected).abs().max()) < bound
    shifted = tuple(timestep - (timestep < 999) for timestep in timesteps)
    for wrong in (_restored(timesteps, guidance=6.01), _restored(shifted)):
        assert float((wrong - expected).abs().max()) > 20 * bound


def test_only_version_2_1_takes_its_sampler() -> None:
    options = {"version": "v2", "sampler": "dpm-3m-sde"}
    with pytest.raises(ConfigError, match="is version 2.1's"):
        DiffBIR.load(Runtime(card=DiffBIR.card, options=options))
