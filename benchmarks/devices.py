"""What this machine offers to compute on. torch is imported only where a GPU is in question."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from benchmarks.api.errors import ResourceError, UsageError
from benchmarks.api.names import did_you_mean
from benchmarks.results.provenance import gpus

_NAME = re.compile(r"cpu|mps|cuda(:\d{1,3})?")


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def devices(given: Sequence[str] | None) -> tuple[str, ...]:
    """Return the devices to use: those given, else the first GPU, else the CPU.

    Raises:
        UsageError: no device goes by such a name.
        ResourceError: it is not on this machine.
    """
    if not given:
        return ("cuda:0",) if gpus() and _cuda_devices() else ("cpu",)
    for name in given:
        _check(name)
    return tuple(dict.fromkeys("cuda:0" if name == "cuda" else name for name in given))


def _check(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"Unknown device {name!r}.{did_you_mean(name, ['cpu', 'cuda', 'cuda:0', 'mps'])}",
            "Use cpu, cuda or cuda:N.",
        )
    if name.startswith("cuda"):
        index = int(name.partition(":")[2] or 0)
        count = _cuda_devices()
        if index >= count:
            here = f"torch finds {count} of them" if count else "torch finds none"
            raise ResourceError(
                f"There is no GPU {index} for --device {name}: {here}.",
                "Use --device cpu, or see: mfsr-bench doctor",
            )
    elif name == "mps" and not _mps():
        raise ResourceError("There is no GPU for --device mps.", "Use --device cpu.")


def _cuda_devices() -> int:
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _mps() -> bool:
    import torch

    return torch.backends.mps.is_available()
