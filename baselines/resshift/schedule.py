"""The residual-shifting diffusion of ResShift (arXiv 2307.12348): its schedule, in float64.

Notation of the paper: x_0 is the HR latent, y the LR latent, e_0 = y - x_0 their residual, and

    q(x_t | x_0, y) = N(x_t; x_0 + eta_t e_0, kappa^2 eta_t I),    t = 0 ... T-1 as in the code,

so that the chain shifts x_0 to y while noise grows; alpha_t = eta_t - eta_{t-1}, eta_{-1} = 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """eta_t, geometric in a power of t/(T-1), and what the reverse chains take from it."""

    steps: int  # T
    min_noise_level: float  # kappa * sqrt(eta_0), at most sqrt(eta_0) itself
    end: float = 0.99  # sqrt(eta_{T-1})
    power: float = 0.3  # below 1: most of the shift happens early in the forward chain
    kappa: float = 2.0

    def sqrt_eta(self, t: int) -> float:
        """Return sqrt(eta_t); 0 for t = -1.

        The cap of sqrt(eta_0) at sqrt(0.001) in older official code is not applied: it changes
        nothing for 15 steps, and the 4-step weights were trained without it.
        """
        if t < 0:
            return 0.0
        start = min(self.min_noise_level / self.kappa, self.min_noise_level)
        growth: float = (self.end / start) ** ((t / (self.steps - 1)) ** self.power)
        return start * growth

    def eta(self, t: int) -> float:
        """Return eta_t."""
        return self.sqrt_eta(t) ** 2

    def input_scale(self, t: int) -> float:
        """Return the factor that brings x_t to about unit variance before the network."""
        return 1 / math.sqrt(self.kappa**2 * self.eta(t) + 1)

    def prior_scale(self) -> float:
        """Return the standard deviation of x_{T-1} around y: kappa * sqrt(eta_{T-1})."""
        return self.kappa * self.sqrt_eta(self.steps - 1)

    def posterior(self, t: int) -> tuple[float, float, float]:
        """Return (a, b, s) of the posterior q(x_{t-1} | x_t, x_0, y) = N(a x_t + b x_0, s^2 I)."""
        shrink = self.eta(t - 1) / self.eta(t)
        variance = self.kappa**2 * shrink * (self.eta(t) - self.eta(t - 1))
        return shrink, 1 - shrink, math.sqrt(variance)

    def deterministic(self, t: int) -> tuple[float, float, float]:
        """Return (k, m, j) of SinSR's noise-free step x_{t-1} = k x_0 + m x_t + j y.

        It keeps the noise that x_t holds, scaled to eta_{t-1}; k + m + j = 1.
        """
        previous = self.eta(t - 1)
        m = math.sqrt(previous / self.eta(t))
        j = previous - math.sqrt(previous * self.eta(t))
        return 1 - m - j, m, j
