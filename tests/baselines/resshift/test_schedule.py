"""The schedule against published values, and the chains' coefficients against the definition."""

from __future__ import annotations

import math

import pytest

from baselines.resshift.schedule import Schedule

FIFTEEN = Schedule(steps=15, min_noise_level=0.04)
FOUR = Schedule(steps=4, min_noise_level=0.2)
# Printed by the official code.
SQRT_ETA = [0.02, 0.11716508, 0.17630456, 0.23362892, 0.29157413, 0.35100928, 0.41235614]
SQRT_ETA += [0.47585773, 0.54167168, 0.60990993, 0.68065802, 0.75398526, 0.82995066, 0.90860639]
SQRT_ETA += [0.99]
VARIANCE = [0, 0.00155338, 0.03065984, 0.05352867, 0.07815558, 0.10541288, 0.13573039, 0.16941537]
VARIANCE += [0.20673162, 0.2479268, 0.29324393, 0.34292686, 0.39722319, 0.45638594, 0.52067465]


def test_fifteen_steps():
    assert [FIFTEEN.sqrt_eta(t) for t in range(15)] == pytest.approx(SQRT_ETA, abs=1e-8)
    assert [FIFTEEN.posterior(t)[2] ** 2 for t in range(15)] == pytest.approx(VARIANCE, abs=1e-8)
    assert 1 / FIFTEEN.input_scale(14) == pytest.approx(2.218197466, abs=1e-9)
    assert FIFTEEN.prior_scale() == pytest.approx(1.98)


def test_four_steps_are_not_capped():
    found = [FOUR.sqrt_eta(t) for t in range(4)]
    assert found == pytest.approx([0.1, 0.52009637, 0.76138199, 0.99], abs=1e-8)


@pytest.mark.parametrize("schedule", [FIFTEEN, FOUR])
def test_the_chains_keep_the_marginals(schedule):
    """q(x_t) = N(x_0 + eta_t e_0, kappa^2 eta_t) goes over into q(x_{t-1}) for any x_0 and e_0."""
    x0, residual, noise = 0.3, -1.7, 0.9
    y = x0 + residual
    for t in range(schedule.steps):
        eta, previous = schedule.eta(t), schedule.eta(t - 1)
        mean = x0 + eta * residual
        a, b, s = schedule.posterior(t)
        assert a * mean + b * x0 == pytest.approx(x0 + previous * residual)
        variance = a**2 * schedule.kappa**2 * eta + s**2
        assert variance == pytest.approx(schedule.kappa**2 * previous, abs=1e-12)
        k, m, j = schedule.deterministic(t)
        x = mean + schedule.kappa * math.sqrt(eta) * noise
        expected = x0 + previous * residual + schedule.kappa * math.sqrt(previous) * noise
        assert k * x0 + m * x + j * y == pytest.approx(expected)
