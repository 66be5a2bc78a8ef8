"""The noise levels of Stable Diffusion 3's scheduler."""

from __future__ import annotations

import torch


def shifted_sigmas(steps: int, shift: float, *, trained: int = 1000) -> list[float]:
    """Return the noise levels of diffusers' FlowMatchEulerDiscreteScheduler, with the final 0.

    Its lowest level is itself shifted before the spacing and then shifted again: 40 steps at shift
    3 run 1.0, 0.99133, ..., 0.08105, 0.00893, 0.
    """

    def shifted(level: float) -> float:
        return shift * level / (1 + (shift - 1) * level)

    lowest = shifted(1 / trained)
    spaced = torch.linspace(1.0, lowest, steps, dtype=torch.float64).tolist()
    return [*map(shifted, spaced), 0.0]
