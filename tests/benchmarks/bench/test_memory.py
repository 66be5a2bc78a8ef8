"""Peak memory is that of the process itself."""

from __future__ import annotations

import subprocess
import sys

import torch

from benchmarks.bench.memory import MemoryMeter, peak_rss

CODE = """
from benchmarks.bench.memory import peak_rss
before = peak_rss()
held = bytearray(b"x") * {size}
del held
print(before, peak_rss())
"""
SIZE = 150_000_000


def test_the_peak_is_the_childs_own_and_stays_after_the_memory_is_free() -> None:
    here = torch.ones(60_000_000)  # 240 MB that a child must not inherit
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(size=SIZE)], capture_output=True, text=True, check=True
    )
    before, after = map(int, done.stdout.split())
    assert peak_rss() > here.nbytes > before
    assert SIZE * 0.99 < after - before < SIZE * 1.2


def test_without_a_gpu_the_meter_reads_the_process() -> None:
    meter = MemoryMeter("cpu")
    assert meter.kind == "rss"
    assert meter.reserved() is None
    assert meter.start <= meter.peak() == peak_rss()
