"""ResShift, SinSR and CTMSR at full size with random weights on the CPU, and the codebook search.

    python tests/perf/perf_resshift_family.py [part of a case's name ...]

Each case runs in a process of its own, so that its peak memory is its own. The search is compared
with the one in diffusers' `VectorQuantizer`, which holds all distances at once.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable

import torch

from benchmarks import registry
from benchmarks.api.restorer import LRBatch, Restorer, Runtime

SIDE = 64  # LR pixels: SR 256 x 256
CODES = 8192


def _build(name: str) -> Restorer:
    """Return a method at full size, with the weights that its networks start training from."""
    kind = registry.restorer(name)
    runtime = Runtime(card=kind.card)
    networks: tuple[torch.nn.Module, ...]
    if name == "ctmsr":
        from baselines.ctmsr.network import CTMSRConfig, CTMSRNetwork

        networks = (CTMSRNetwork(CTMSRConfig()),)
    else:
        from baselines.resshift.autoencoder import Autoencoder, VQConfig
        from baselines.resshift.unet import SwinUNet, UNetConfig

        networks = (SwinUNet(UNetConfig()), Autoencoder(VQConfig()))
    return kind(runtime, *(network.eval().requires_grad_(False) for network in networks))


def _restore(name: str, side: int) -> str:
    method = _build(name)
    batch = LRBatch(images=torch.rand(1, 3, side, side), ids=("a",), seeds=(0,))
    start = time.perf_counter()
    method.restore(batch)
    total = time.perf_counter() - start
    stages = ", ".join(f"{stage} {taken:.1f} s" for stage, taken in method.pop_stages().items())
    return f"{total:7.1f} s  ({stages})"


def _vectors(pixels: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return (
        torch.randn(pixels, 3, generator=generator),
        torch.randn(CODES, 3, generator=generator),
    )


def _search(search: str, pixels: int) -> str:
    from baselines.resshift import autoencoder

    vectors, codebook = _vectors(pixels)
    start = time.perf_counter()
    if search == "at once":
        torch.cdist(vectors, codebook).argmin(dim=1)  # as diffusers' VectorQuantizer does
    else:
        getattr(autoencoder, search)(vectors, codebook)
    return f"{time.perf_counter() - start:7.1f} s"


CASES: dict[str, Callable[[], str]] = {
    f"sinsr, LR {SIDE} x {SIDE}": lambda: _restore("sinsr", SIDE),
    f"resshift-v3, LR {SIDE} x {SIDE}": lambda: _restore("resshift-v3", SIDE),
    f"resshift, LR {SIDE} x {SIDE}": lambda: _restore("resshift", SIDE),
    f"ctmsr, LR {SIDE} x {SIDE}": lambda: _restore("ctmsr", SIDE),
    "sinsr, LR 128 x 128": lambda: _restore("sinsr", 128),
    "ctmsr, LR 128 x 128": lambda: _restore("ctmsr", 128),
    "codes of 256 x 256, all at once": lambda: _search("at once", 256 * 256),
    "codes of 256 x 256, in chunks": lambda: _search("nearest_in_chunks", 256 * 256),
    "codes of 256 x 256, by tree": lambda: _search("nearest_codes", 256 * 256),
    "codes of 1024 x 1024, in chunks": lambda: _search("nearest_in_chunks", 1024 * 1024),
    "codes of 1024 x 1024, by tree": lambda: _search("nearest_codes", 1024 * 1024),
}


def main(parts: list[str]) -> int:
    """Print time and peak memory of the cases whose names hold one of `parts`; all if none."""
    if parts and parts[0] in CASES:
        result = CASES[parts[0]]()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        sys.stdout.write(f"{parts[0]:32s} peak {peak:6.0f} MiB {result}\n")
        return 0
    failed = 0
    for name in CASES:
        if not parts or any(part in name for part in parts):
            failed += subprocess.run([sys.executable, __file__, name], check=False).returncode != 0
    return failed


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
