"""Objectives that distil the same teacher without a Jacobian-vector product.

* `split_target`: SplitMeanFlow (arXiv 2507.16884), interval splitting consistency.
* `oftsr_loss`: OFTSR (arXiv 2412.09465), the teacher's trajectory from fixed starting noise.

Both in the convention of `mfsr.flow`, with the notation of `mfsr.meanflow`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from pydantic.dataclasses import dataclass
from torch import Generator, Tensor

from baselines.dit4sr.field import over
from baselines.dit4sr.flow_matching import squared_error
from benchmarks.api.documents import STRICT

if TYPE_CHECKING:
    from collections.abc import Callable

    from mfsr.flow import AverageVelocity, FlowBatch


@torch.no_grad()
def split_target(
    u: AverageVelocity,
    flow: FlowBatch,
    velocity: Callable[[FlowBatch], Tensor],
    lam: Tensor,
    *,
    sharded: bool = False,
) -> Tensor:
    """Return lam U(z, sigma, s) + (1 - lam) U(z_s, s, r), s = (1 - lam) sigma + lam r.

    z_s = z - (sigma - s) U(z, sigma, s), in float32. This is the additivity of the integral of V.
    Where r = sigma the target is V: without these samples any constant is a solution.

    Args:
        u: the student, with the weights that are being trained.
        flow: points and intervals.
        velocity: V_inst of a batch of points; asked for those with r = sigma alone.
        lam: where each interval is split, (B,) in (0, 1).
        sharded: call `u` even where no sample needs it; see `FlowBatch.apart`.
    """
    target = torch.empty_like(flow.x, dtype=torch.float32)
    apart = flow.apart(at_least_one=sharded)
    if len(apart):
        part, share = flow[apart], lam[apart]
        s = (1 - share) * part.sigma + share * part.r
        first = u(part.z, part.sigma, s, part.c).float()
        z_s = part.z - over(part.sigma - s, first) * first
        second = u(z_s, s, part.r, part.c).float()
        joined = over(share, first) * first + over(1 - share, second) * second
        target[apart] = joined.float()
    equal = torch.nonzero(flow.sigma <= flow.r).squeeze(1)
    if len(equal):
        target[equal] = velocity(flow[equal]).float()
    return target


def sample_lam(batch: int, low: float, high: float, generator: Generator) -> Tensor:
    """Draw lam ~ U[low, high] for each sample."""
    return low + (high - low) * torch.rand(batch, generator=generator)


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class OFTSRWeights:
    """OFTSR's constants, as its paper has them."""

    dt: float = 0.05  # length of a teacher step
    align: float = 0.01
    boundary: float = 0.1


def sample_ends(batch: int, generator: Generator) -> Tensor:
    """Draw the ends r of OFTSR's intervals from noise, r ~ U[0.01, 0.99] as in its paper."""
    return 0.01 + 0.98 * torch.rand(batch, generator=generator)


def oftsr_loss(
    u: AverageVelocity,
    u_frozen: AverageVelocity,
    flow: FlowBatch,
    velocity: Callable[[FlowBatch], Tensor],
    weights: OFTSRWeights,
    error: Callable[[Tensor, Tensor], Tensor] = squared_error,
) -> Tensor:
    """Return OFTSR's loss of each sample, (B,): start at noise, move the end r by dt.

    With z_r = eps - (1 - r) U(eps, 1, r) and the teacher's midpoint slope V' on [r - dt, r]:
      distil:   U(eps, 1, r - dt) -> U(eps, 1, r) + dt / (1 - r + dt) (V' - U(eps, 1, r))
      align:    r (U(eps, 1, r) - V(z_r, r)) -> 0
      boundary: U(eps, 1, 1) -> V(eps, 1).
    `flow.r` gives r in (0, 1), `sample_ends`; sigma is not used, and the step from r < dt ends at 0
    (ours: the paper does not say). It trains maps that start at noise only: one evaluation at
    inference, with r as a knob between fidelity (1) and realism (0).

    Args:
        u: the student, with gradient; called once, on a batch of 3 B.
        u_frozen: the same, without.
        flow: data, noise, r and condition.
        velocity: V_inst of a batch of points.
        weights: the constants.
        error: prediction, target -> the error of each sample, (B,).
    """
    eps, r, c = flow.eps, flow.r, flow.c
    dt = r.clamp(max=weights.dt)
    one = torch.ones_like(r)
    with torch.no_grad():
        u_r = u_frozen(eps, one, r, c).float()
        v_r, v_mid = _midpoint(velocity, flow, eps - over(1 - r, eps) * u_r, r, dt)
        share = over(dt / (1 - r + dt), eps)
        target = u_r + share * (v_mid - u_r)
        v_start = velocity(flow.moved(eps, one)).float()
    ends = torch.cat([r - dt, r, one])
    moved, here, start = u(eps.repeat(3, 1, 1, 1), one.repeat(3), ends, c.joined(c, c)).chunk(3)
    return (
        error(moved, target)
        + weights.align * error(over(r, here) * here, over(r, v_r) * v_r)
        + weights.boundary * error(start, v_start)
    )


def _midpoint(
    velocity: Callable[[FlowBatch], Tensor], flow: FlowBatch, z: Tensor, r: Tensor, dt: Tensor
) -> tuple[Tensor, Tensor]:
    """Return V at (z, r) and at the middle of the Euler step of length dt from there."""
    v = velocity(flow.moved(z, r)).float()
    return v, velocity(flow.moved(z - over(dt / 2, v) * v, r - dt / 2)).float()
