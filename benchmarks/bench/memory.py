"""The peak memory of this process and of a GPU."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

_STATUS = Path("/proc/self/status")


def peak_rss() -> int:
    """Return the most memory that this process has held, in bytes.

    On Linux from VmHWM: getrusage's ru_maxrss starts, after fork and exec, at what the parent held.
    """
    if _STATUS.exists():
        for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class MemoryMeter:
    """Peak memory since it was made; on the CPU since the process began."""

    def __init__(self, device: str) -> None:
        import torch

        self._device = device if device.startswith("cuda") else ""
        self.kind: Literal["cuda-allocated", "rss"] = "cuda-allocated" if self._device else "rss"
        if self._device:
            torch.cuda.reset_peak_memory_stats(self._device)
        self.start = self.peak()

    def peak(self) -> int:
        """Return the peak in bytes: tensors on the GPU, or all that the process holds."""
        import torch

        return torch.cuda.max_memory_allocated(self._device) if self._device else peak_rss()

    def reserved(self) -> int | None:
        """Return the peak of what torch's allocator took of the GPU, or None without one."""
        import torch

        return torch.cuda.max_memory_reserved(self._device) if self._device else None
