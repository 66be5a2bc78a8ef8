"""What a distillation step costs against the sum of its parts: time, and peak memory of tensors.

The parts: two teacher evaluations (one batch of 2 B), one Jacobian-vector product on the half of
the batch with r != sigma, one forward and backward. The step may cost 1.15 times their sum, its
peak memory 1.05 times that of forward and backward. The network is a middle-sized one (6 layers of
width 512, 512 image tokens), dominated by its linear layers as the real one is.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from distillation_parts import distillation_parts
from ratios import Ratio, show

from baselines.dit4sr.field import Condition
from baselines.dit4sr.network import DiT4SR, DiTConfig
from benchmarks.api.memory import live_bytes
from mfsr.field import Field, FieldAverageVelocity, FieldVelocity
from mfsr.flow import FlowBatch
from mfsr.student import StudentConfig, build_student

SHAPE = DiTConfig(
    num_layers=6,
    num_attention_heads=8,
    attention_head_dim=64,
    caption_projection_dim=512,
    joint_attention_dim=512,
    pooled_projection_dim=256,
    pos_embed_max_size=64,
    sample_size=64,
    dual_attention_layers=(0, 1, 2),
)
BATCH, SIDE, TEXT = 2, 32, 77


ROUNDS = 2


def main() -> int:
    """Return whether a target was missed."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(0)
    teacher_network = DiT4SR.of(SHAPE)
    student = build_student(teacher_network, StudentConfig(lora_rank=16), teacher_scale=1000.0)
    teacher, field = Field(teacher_network).to(device), Field(student).to(device)
    teacher.requires_grad_(requires_grad=False)
    u, v = FieldAverageVelocity(field), FieldVelocity(teacher)
    c = Condition(
        torch.randn(BATCH, 16, SIDE, SIDE, device=device),
        torch.randn(BATCH, TEXT, 512, device=device),
        torch.randn(BATCH, 256, device=device),
    )
    other = c.with_text(c.text[:1] + 1, c.pooled[:1] + 1)
    sigma = torch.tensor([0.8, 0.6], device=device)
    r = torch.tensor([0.3, 0.6], device=device)  # half of the samples at r = sigma
    x, eps = torch.randn_like(c.z_lr), torch.randn_like(c.z_lr)
    flow = FlowBatch.between(x, eps, sigma, r, c)
    step, parts = distillation_parts(u, v, flow, other, apart=slice(0, 1))
    cost = {name: _best(part, device) for name, part in {**parts, "step": step}.items()}
    whole = cost.pop("step")
    return (
        0
        if show(
            [
                Ratio(
                    name="distillation step, against its parts",
                    ours=whole,
                    alternative=sum(cost.values()),
                    target=1 / 1.15,
                ),
                Ratio(
                    name="its peak memory, against forward and backward",
                    ours=live_bytes(step) / 2**20,
                    alternative=live_bytes(parts["forward and backward"]) / 2**20,
                    target=1 / 1.05,
                    unit="MiB",
                ),
            ]
        )
        else 1
    )


def _best(part: Callable[[], object], device: torch.device) -> float:
    """Return the least CPU (or GPU wall) time of a part."""
    part()
    times = []
    for _ in range(ROUNDS):
        clock = time.perf_counter if device.type == "cuda" else time.process_time
        start = clock()
        part()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(clock() - start)
    return min(times)


if __name__ == "__main__":
    raise SystemExit(main())
