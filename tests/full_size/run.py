"""A method at its full size, on the CPU: official files of random weights, one image, a few steps.

    nox -s full_size -- seesr [steps]      no steps: fewest that it has; 0: loading alone

The files are written by another process, so that the peak is of loading and restoring alone. They
have the official layout, names and shapes, in bfloat16; the method is loaded from them as from any.
"""

from __future__ import annotations

import importlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import small_networks as small
import torch
from writers import FEWEST, PATCHES, WRITERS

from benchmarks import registry
from benchmarks.api.restorer import LRBatch, Runtime
from benchmarks.api.weights import WeightStore

_SIDE = 128  # LR pixels


def _peak() -> float:
    """Return the most memory that this process has had, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _bytes(root: Path) -> int:
    return sum(file.stat().st_size for file in root.rglob("*") if file.is_file())


def measure(name: str, root: Path, steps: int) -> str:
    """Return the row of a method: its files, loading and restoring, and the peak."""
    for target, value in PATCHES.get(name, {}).items():
        module, _, attribute = target.partition(":")
        setattr(importlib.import_module(module), attribute, value)
    kind = registry.restorer(name)
    card = kind.card.with_weights_for({})
    start = time.perf_counter()
    method = kind.load(Runtime(card=card, weights=WeightStore(root), dtype="bf16"))
    loaded = time.perf_counter()
    row = f"| `{name}` | {_bytes(root) / 1e9:.1f} GB | {steps or '-'} | {loaded - start:.0f} s |"
    if not steps:
        return f"{row} - | {_peak():.1f} GiB |"
    lr = LRBatch(
        images=small.lr_picture(_SIDE, _SIDE)[None], ids=("a",), seeds=(7,), prompts=("a cat",)
    )
    sr = method.restore(lr, steps=steps)
    end = time.perf_counter()
    assert sr.shape == (1, 3, card.scale * _SIDE, card.scale * _SIDE)
    assert sr.isfinite().all()
    return f"{row} {end - loaded:.0f} s | {_peak():.1f} GiB |"


def main() -> None:
    """Write the files of a method, measure it, print its row."""
    name, *rest = sys.argv[1:]
    if rest and rest[0] == "--write":
        WRITERS[name](Path(rest[1]))
        return
    steps = int(rest[0]) if rest else FEWEST.get(name, 1)
    root = Path(tempfile.mkdtemp(prefix=f"full-size-{name}-"))
    try:
        command = [sys.executable, __file__, name, "--write", str(root)]
        subprocess.run(command, check=True, env=os.environ)
        torch.manual_seed(0)
        print("| method | files | steps | loading | one image of 128x128 | peak memory |")
        print("|---|---|---|---|---|---|")
        print(measure(name, root, steps))
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
