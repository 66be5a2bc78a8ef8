"""DiT4SR's and TSD-SR's evaluations at batch 4 against four times batch 1.

Small networks of the official layers (4 layers of width 256, latents of 16 x 16, 77 text tokens).
On a CPU a batch saves the overhead of starting each operation; on a GPU it fills the device.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable

import torch
from diffusers import SD3Transformer2DModel
from ratios import Ratio, cpu_seconds, show

from baselines.dit4sr.network import DiT4SR
from baselines.tsdsr.network import restore_latent
from benchmarks.api.tiling import Tiling

SHAPE = {
    "sample_size": 16,
    "num_layers": 4,
    "num_attention_heads": 4,
    "attention_head_dim": 64,
    "caption_projection_dim": 256,
    "joint_attention_dim": 256,
    "pooled_projection_dim": 64,
    "out_channels": 16,
    "pos_embed_max_size": 16,
}
BATCH, SIDE, TEXT, ROUNDS = 4, 16, 77, 5


def main() -> int:
    """Return whether a target was missed."""
    torch.manual_seed(0)
    z, z_lr = torch.randn(2, BATCH, 16, SIDE, SIDE)
    text, pooled = torch.randn(BATCH, TEXT, 256), torch.randn(BATCH, 64)
    prompt, tiling = (text[:1], pooled[:1]), Tiling(tile=SIDE, overlap=4)
    dit4sr = DiT4SR(**SHAPE, qk_norm="rms_norm", dual_attention_layers=(0, 1))
    tsdsr = SD3Transformer2DModel(**SHAPE)

    def by_dit4sr(part: slice) -> object:
        times = torch.full((len(z[part]),), 500.0)
        return dit4sr(z[part], z_lr[part], text[part], pooled[part], times)

    def by_tsdsr(part: slice) -> object:
        return restore_latent(tsdsr, z[part], prompt, tiling)

    with torch.inference_mode():
        rows = [_compare("DiT4SR", by_dit4sr), _compare("TSD-SR", by_tsdsr)]
    return 0 if show(rows) else 1


def _compare(name: str, evaluate: Callable[[slice], object]) -> Ratio:
    def one_by_one() -> None:
        for index in range(BATCH):
            evaluate(slice(index, index + 1))

    def together() -> None:
        evaluate(slice(None))

    one_by_one(), together()
    times = [(cpu_seconds(together), cpu_seconds(one_by_one)) for _ in range(ROUNDS)]
    ours, alternative = (statistics.median(column) for column in zip(*times, strict=True))
    label = f"{name}, an evaluation of {BATCH} images"
    return Ratio(name=label, ours=ours, alternative=alternative, target=0.9)


if __name__ == "__main__":
    raise SystemExit(main())
