"""Measurements as the reports see them, built in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from benchmarks.bench.rows import BenchFailure, BenchResults, BenchRow, Conditions

CONDITIONS = Conditions(
    lr_width=128,
    lr_height=128,
    device="cuda:0",
    device_name="A GPU",
    warm_up=3,
    repeats=20,
    offload=False,
    machine={"cores": 8, "gpus": ["A GPU, 1.0, 80 GiB"]},
    tool={"version": "0.1.0", "commit": None, "dirty": False},
    packages={"torch": "2.9.0"},
)
TORCH = {"version": "2.9.0+cu130", "threads": 8}


def row(method: str = "mfsr@1", **changes: Any) -> BenchRow:
    """Return a measurement."""
    one = BenchRow(
        method=method,
        title=method.upper(),
        batch=1,
        scale=4,
        steps=1,
        nfe=2,
        dtype="fp16",
        seconds=(1.0, 2.0),
        load_s=3.0,
        first_s=4.0,
        peak_memory_bytes=6_100_000_000,
        memory="cuda-allocated",
        reserved_bytes=7_000_000_000,
    )
    return replace(one, **changes)


def failure(method: str = "mfsr@1", **changes: Any) -> BenchFailure:
    """Return a measurement that did not succeed."""
    one = BenchFailure(
        method=method,
        title=method.upper(),
        batch=1,
        what="latency",
        error="OutOfMemoryError",
        cause="CUDA out of memory.",
    )
    return replace(one, **changes)


def results(*items: BenchRow | BenchFailure, **changes: Any) -> BenchResults:
    """Return measurements made under one condition; `changes` are of the conditions or around."""
    own = {
        name: changes.pop(name) for name in ("load_average", "torch", "began") if name in changes
    }
    whole = BenchResults(
        conditions=replace(CONDITIONS, **changes),
        **{"began": "2026-11-21T05:00:00Z", "torch": dict(TORCH), **own},
    )
    for item in items:
        whole.add(item)
    return whole
