"""The method: MeanFlow distillation of a guided teacher, as pure functions.

One step of the paper's Algorithm 1 (training), beside what does it here. Time runs the other way,
sigma = 1 - t, so that every velocity has the opposite sign:

| Algorithm 1, in the paper's symbols                 | here                                       |
|-----------------------------------------------------|--------------------------------------------|
| z_1 = E(x_HR), z_LR = E(x_LR), prompt c of x_HR     | `Task.latents`, `.embedded`            |
| z_0 ~ N(0, I)                                       | `eps`, of the stream "noise"               |
| t ~ U[0, 1], s ~ U[t, 1]; s = t in half of the cases | `sample_times`                            |
| z_t = t z_1 + (1 - t) z_0                           | `FlowBatch.between`                        |
| v = v_c + w (v_c - v_neg), by the teacher (Eq. 11)  | `negative_guided`, no gradient             |
| du/dt = JVP(u_theta, (z_t, t, s), (v, 1, 0))        | `total_derivative`, no gradient            |
| u_tgt = sg(v + (s - t) du/dt) (Eq. 12)              | `meanflow_target`                          |
| L = pseudo-Huber(u_theta(z_t, t, s | c), u_tgt)     | `pseudo_huber`, of a plain forward         |
| theta <- Adam(dL/dtheta)                            | `mfsr.training.trainer`                    |

| paper                           | here                     |                                   |
|---------------------------------|--------------------------|-----------------------------------|
| t, from 0 = noise to 1 = data   | 1 - sigma                | `FlowBatch.sigma`                 |
| s >= t, the end of the interval | 1 - r, r <= sigma        | `FlowBatch.r`                     |
| z_1, z_0, z_t                   | x, eps, z                | `FlowBatch.x`, `.eps`, `.z`       |
| v(z, t)                         | -V(z, sigma)             | `Velocity`, a teacher's field     |
| u(z, t, s) = mean of v on [t, s] | -U(z, sigma, r)         | `AverageVelocity`, the student's  |
| du/dt                           | dU/dsigma                | both signs change                 |
| w                               | w, guidance scale 1 + w  | `DistilConfig.w`                  |

Eq. 12 is thus U_tgt = V - (sigma - r) dU/dsigma. The derivative is exact: one Jacobian-vector
product by forward-mode differentiation, on the samples with r != sigma alone. It runs apart from
the loss's forward, so that the latter may use fused attention, gradient checkpointing and DDP.
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Literal

import torch
from torch import Generator, Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from baselines.dit4sr.field import Condition, Velocity, over

if TYPE_CHECKING:
    from mfsr.flow import AverageVelocity, FlowBatch

TimePairs = Literal["nested", "sorted"]
Derivative = Literal["jvp", "difference"]

# iCT's constant; the MFSR paper names the loss but not its c.
_HUBER_PER_ROOT_DIMENSION = 0.00054
# Central differences: error is least here in float32 (4e-5 relative), see docs/training.md.
DIFFERENCE_STEP = 0.005


def sample_times(
    batch: int,
    *,
    prob_equal: float,
    generator: Generator,
    pairs: TimePairs = "nested",
) -> tuple[Tensor, Tensor]:
    """Draw (sigma, r), r <= sigma, of each sample.

    Args:
        batch: how many.
        prob_equal: probability of r = sigma, where the target is V itself. The paper's "ratio"
            (Table 4) can be read as this or as its complement; at its default of 0.5 both agree.
        generator: the stream to draw from.
        pairs: "nested" is the paper's: t ~ U[0, 1], s ~ U[t, 1], that is sigma ~ U[0, 1] and
            r ~ U[0, sigma]; "sorted" takes two uniform times in order, as MeanFlow does.
    """
    first, second, equal = torch.rand(3, batch, generator=generator)
    if pairs == "nested":
        sigma, r = first, first * second
    else:
        sigma, r = torch.maximum(first, second), torch.minimum(first, second)
    return sigma, torch.where(equal < prob_equal, sigma, r)


# Velocities V_inst to distil. All are evaluated without gradient, and with one z_LR for both
# branches of a guidance.


@torch.no_grad()
def negative_guided(teacher: Velocity, flow: FlowBatch, other: Condition, *, w: float) -> Tensor:
    """Return V_c + w (V_c - V_other): Eq. 11 with the negative prompt, Eq. 10 with the empty one.

    w = 6 is what samplers call a guidance scale of 7.
    """
    v_c, v_other = teacher(
        torch.cat([flow.z, flow.z]), flow.sigma.repeat(2), flow.c.joined(other)
    ).chunk(2)
    return v_c + w * (v_c - v_other)


def ground_truth(flow: FlowBatch) -> Tensor:
    """Return eps - x, the velocity of the sampled path (z_1 - z_0 in Table 3), with no teacher."""
    return flow.straight


@torch.no_grad()
def meanflow_guided(
    student: AverageVelocity, flow: FlowBatch, null: Condition, *, w: float, kappa: float
) -> Tensor:
    """Return MeanFlow's own guided velocity, with no teacher.

    Eq. 9: w (eps - x) + kappa U(z, sigma, sigma | c) + (1 - w - kappa) U(z, sigma, sigma | null).
    Its effective guidance scale is w / (1 - kappa).
    """
    twice = flow.sigma.repeat(2)
    u_c, u_null = student(torch.cat([flow.z, flow.z]), twice, twice, flow.c.joined(null)).chunk(2)
    return w * flow.straight + kappa * u_c + (1 - w - kappa) * u_null


def total_derivative(
    u: AverageVelocity,
    flow: FlowBatch,
    v: Tensor,
    *,
    method: Derivative = "jvp",
    step: float = DIFFERENCE_STEP,
) -> Tensor:
    """Return dU/dsigma along the flow, the derivative of U(z, sigma, r) in direction (V, 1, 0).

    "jvp" is exact. Of the attention kernels only MATH has a forward-mode derivative. "difference"
    is central, costs two forwards, and must be computed in float32: under bfloat16 its error is
    above half of the value.
    """

    def at(z: Tensor, sigma: Tensor, r: Tensor) -> Tensor:
        return u(z, sigma, r, flow.c)

    if method == "jvp":
        tangents = (v, torch.ones_like(flow.sigma), torch.zeros_like(flow.r))
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), warnings.catch_warnings():
            # torch's own forward-mode rules are compiled by torch.jit.script, which it deprecates.
            warnings.filterwarnings("ignore", "`torch.jit.script`", FutureWarning)
            point = (flow.z, flow.sigma, flow.r)
            derivative: Tensor = torch.func.jvp(at, point, tangents)[1]
        return derivative
    with torch.no_grad(), torch.autocast(v.device.type, enabled=False):
        ahead = at(flow.z + step * v, flow.sigma + step, flow.r)
        behind = at(flow.z - step * v, flow.sigma - step, flow.r)
    return (ahead - behind) / (2 * step)


@torch.no_grad()
def meanflow_target(
    u: AverageVelocity,
    flow: FlowBatch,
    v: Tensor,
    *,
    method: Derivative = "jvp",
    step: float = DIFFERENCE_STEP,
    sharded: bool = False,
) -> Tensor:
    """Return U_tgt = V - (sigma - r) dU/dsigma (Eq. 12), in float32.

    Where r = sigma it is V, and no derivative is computed; with `sharded`, for `FlowBatch.apart`'s
    reason, of one sample at least.
    """
    target = v.float().clone()
    apart = flow.apart(at_least_one=sharded)
    if len(apart):
        part = flow[apart]
        derivative = total_derivative(u, part, v[apart], method=method, step=step).float()
        target[apart] -= over(part.sigma - part.r, derivative) * derivative
    return target


def pseudo_huber(prediction: Tensor, target: Tensor, c: float | None = None) -> Tensor:
    """Return sqrt(||prediction - target||^2 + c^2) - c of each sample, in float32, (B,).

    The norm is over all dimensions of a sample, D of them; c defaults to 0.00054 sqrt(D).
    """
    difference = (prediction.float() - target.float()).flatten(1)
    if c is None:
        c = _HUBER_PER_ROOT_DIMENSION * math.sqrt(difference.shape[1])
    return (difference.square().sum(1) + c * c).sqrt() - c
