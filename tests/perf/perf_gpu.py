"""The paper's distillation step and one-step restoring at full size, random weights, on a GPU.

    nox -s perf -- gpu

Distillation: the 2.7-billion-parameter network in bf16, latents of 64 x 64, 154 text tokens, batch
10, LoRA of rank 64 and the LR stream trained, activations recomputed; the paper's step takes 5.7 s
on one H200. Restoring: LR 128 x 128 to 512 x 512, VAE in and out, cached text; 25 ms is the aim.
Where the time goes is printed. Without a GPU nothing is measured; `small` as an argument runs the
same code at a small size anywhere, to check the script itself.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from diffusers import AutoencoderKL
from distillation_parts import distillation_parts
from ratios import Ratio, show
from torch import Tensor

from baselines.dit4sr.autoencoder import SD3Autoencoder
from baselines.dit4sr.field import Condition
from baselines.dit4sr.network import DiT4SR, DiTConfig
from baselines.sd3.memory import VAE
from mfsr.field import Field, FieldAverageVelocity, FieldVelocity
from mfsr.flow import FlowBatch
from mfsr.sampler import sample_average
from mfsr.student import StudentConfig, build_student

STEP_S, RESTORE_S = 1.5, 0.025  # what is aimed at
ROUNDS = 5
SMALL = DiTConfig(
    num_layers=2,
    num_attention_heads=2,
    attention_head_dim=32,
    caption_projection_dim=64,
    joint_attention_dim=64,
    pooled_projection_dim=32,
    dual_attention_layers=(0,),
)


def main(small: bool) -> bool:
    """Measure and print; return whether the aims are reached."""
    if not small and not torch.cuda.is_available():
        sys.stdout.write("No GPU: nothing measured.\n")
        return True
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    config = SMALL if small else DiTConfig()
    with torch.device(device):
        torch.set_default_dtype(torch.bfloat16)
        network = DiT4SR.of(config)
        torch.set_default_dtype(torch.float32)
    step = _distillation(
        network, config, device, batch=2 if small else 10, side=16 if small else 64
    )
    restoring = _restoring(network, config, device, side=16 if small else 64)
    return show(
        [
            Ratio(name="distillation step", ours=step, alternative=STEP_S, target=1, unit="s"),
            Ratio(name="restoring", ours=restoring, alternative=RESTORE_S, target=1, unit="s"),
        ]
    )


def _condition(config: DiTConfig, device: torch.device, batch: int, side: int) -> Condition:
    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, device=device, dtype=torch.bfloat16)

    return Condition(
        draw(batch, config.in_channels, side, side),
        draw(batch, 154, config.joint_attention_dim),
        draw(batch, config.pooled_projection_dim),
    )


def _distillation(
    network: DiT4SR, config: DiTConfig, device: torch.device, *, batch: int, side: int
) -> float:
    """Return the seconds of a step, and print those of its parts and the peak memory."""
    student = build_student(network, StudentConfig(), teacher_scale=1000.0)
    student.enable_gradient_checkpointing()
    trained = [p for p in student.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=5e-5)
    teacher = Field(network.requires_grad_(requires_grad=False))
    u, v = FieldAverageVelocity(Field(student)), FieldVelocity(teacher)
    c = _condition(config, device, batch, side)
    other = c.with_text(c.text[:1] + 1, c.pooled[:1] + 1)
    sigma = torch.linspace(0.3, 0.9, batch, device=device, dtype=torch.bfloat16)
    r = torch.where(torch.arange(batch, device=device) % 2 == 0, sigma, sigma / 2)
    x, eps = torch.randn_like(c.z_lr), torch.randn_like(c.z_lr)
    flow = FlowBatch.between(x, eps, sigma, r, c)
    compute, parts = distillation_parts(u, v, flow, other, apart=slice(1, None, 2))

    def step() -> None:
        compute()
        optimiser.step()
        optimiser.zero_grad()

    # The optimiser's own time is on the gradients that are left from the part before it.
    timed = {**parts, "optimiser": optimiser.step, "step": step}
    return _table(timed, device)["step"]


def _restoring(network: DiT4SR, config: DiTConfig, device: torch.device, *, side: int) -> float:
    """Return the seconds from an enlarged LR image to an SR image; print those of its parts."""
    shape = VAE if side >= 64 else {**VAE, "block_out_channels": (32, 32, 32, 32)}
    with torch.device(device):
        vae = AutoencoderKL(**shape, scaling_factor=1.5305, shift_factor=0.0609)
    torch.nn.Module.to(vae, torch.bfloat16)  # past diffusers' own `to`, which warns
    autoencoder = SD3Autoencoder(vae)
    student = build_student(network, StudentConfig(), teacher_scale=1000.0).eval()
    u = FieldAverageVelocity(Field(student))
    c = _condition(config, device, 1, side)
    lr_up = torch.rand(1, 3, 8 * side, 8 * side, device=device)

    def encode() -> Tensor:
        return autoencoder.encode_lr(lr_up, [torch.Generator().manual_seed(0)])

    def sample(z_lr: Tensor) -> Tensor:
        condition = replace(c, z_lr=z_lr.to(torch.bfloat16))
        return sample_average(u, torch.randn_like(condition.z_lr), condition, steps=1)

    def decode(z: Tensor) -> Tensor:
        return autoencoder.decode(z, lr_up)

    parts: dict[str, Callable[[], object]] = {
        "encode": encode,
        "network, 1 evaluation": lambda: sample(c.z_lr),
        "decode": lambda: decode(c.z_lr),
        "restore": lambda: decode(sample(encode())),
    }
    with torch.no_grad():
        return _table(parts, device)["restore"]


def _table(parts: dict[str, Callable[[], object]], device: torch.device) -> dict[str, float]:
    """Print the median seconds and the peak memory of each part; return the seconds."""
    found = {}
    for name, part in parts.items():
        part()
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        times = []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            part()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            times.append(time.perf_counter() - start)
        found[name] = statistics.median(times)
        peak = torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else 0.0
        memory = f"{peak:8.1f} GiB" if peak else ""
        sys.stdout.write(f"{name:34} {found[name]:9.4f} s {memory}\n")
    return found


if __name__ == "__main__":
    raise SystemExit(not main("small" in sys.argv[1:]))
