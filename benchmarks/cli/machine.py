"""What this machine offers to a command, without importing torch."""

from __future__ import annotations

import os


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def devices(given: tuple[str, ...]) -> tuple[str, ...]:
    """Return the devices to use: those given, else the first GPU, else the CPU."""
    from benchmarks.results.provenance import gpus

    if not given:
        return ("cuda:0",) if gpus() else ("cpu",)
    return tuple("cuda:0" if name == "cuda" else name for name in given)
