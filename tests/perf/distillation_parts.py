"""A distillation step and its parts, as every measurement of it calls them."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from baselines.dit4sr.field import Condition
from mfsr.field import FieldAverageVelocity, FieldVelocity
from mfsr.flow import FlowBatch
from mfsr.meanflow import meanflow_target, negative_guided, pseudo_huber, total_derivative

W = 6.0  # guidance of Eq. 11

Work = Callable[[], object]


def distillation_parts(
    u: FieldAverageVelocity,
    v: FieldVelocity,
    flow: FlowBatch,
    other: Condition,
    *,
    apart: slice,
) -> tuple[Work, dict[str, Work]]:
    """Return the step without its optimiser, and what it consists of, by name.

    Args:
        u: the student.
        v: the teacher.
        flow: the batch.
        other: the condition under the negative prompt.
        apart: the samples with r != sigma.
    """

    def guided() -> Tensor:
        return negative_guided(v, flow, other, w=W)

    def backward(target: Tensor) -> None:
        pseudo_huber(u(flow.z, flow.sigma, flow.r, flow.c), target).mean().backward()

    v_inst = guided()
    return lambda: backward(meanflow_target(u, flow, guided())), {
        "teacher, 2 evaluations": guided,
        "derivative, half of the batch": lambda: total_derivative(u, flow[apart], v_inst[apart]),
        "forward and backward": lambda: backward(v_inst),
    }
