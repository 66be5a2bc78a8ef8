"""The teacher's ways from x_0 to the restored image: dx/dt = v(x, t), t from 0.001 to 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

START = 1e-3
Velocity = Callable[[Tensor, float], Tensor]  # (x, t) -> v, of one shape
# r of the second-order Runge-Kutta methods: where in an interval the slope is taken again.
SECOND_ORDER = {"heun": 1.0, "midpoint": 0.5, "ralston": 2 / 3}


def euler(v: Velocity, x: Tensor, steps: int) -> Tensor:
    """Return x after N steps of 1/N at t = 0.001 + 0.999 i/N.

    As upstream has it: lengths sum to 1, times to 0.999.
    """
    for step in range(steps):
        x = x + v(x, START + step / steps * (1 - START)) / steps
    return x


def second_order(v: Velocity, x: Tensor, steps: int, r: float) -> Tensor:
    """Return x after N steps of a second-order Runge-Kutta method: 2N - 1 evaluations.

    x += dt (v + (v' - v) / (2r)), v' at x + r dt v. The last step is Euler's; upstream's loop runs
    once more, with dt = 0.
    """
    times = [START + step / steps * (1 - START) for step in range(steps)] + [1.0]
    for step, t in enumerate(times[:-1]):
        dt = times[step + 1] - t
        slope = v(x, t)
        if step < steps - 1:
            other = v(x + r * dt * slope, r * times[step + 1] + (1 - r) * t)
            slope = slope + (other - slope) / (2 * r)
        x = x + dt * slope
    return x


def adaptive(v: Velocity, x: Tensor, tolerance: float) -> Tensor:
    """Return x by SciPy's RK45, whose step sizes follow all pixels of x at once."""
    from scipy.integrate import solve_ivp

    shape, device = x.shape, x.device

    def slope(t: float, flat: NDArray[np.float64]) -> NDArray[np.float64]:
        at = torch.as_tensor(flat, dtype=torch.float32).reshape(shape).to(device)
        return v(at, t).flatten().cpu().double().numpy()

    found = solve_ivp(
        slope, (START, 1.0), x.flatten().cpu().numpy(), rtol=tolerance, atol=tolerance
    )
    return torch.as_tensor(found.y[:, -1], dtype=torch.float32).reshape(shape).to(device)
