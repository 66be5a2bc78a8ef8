"""What a number was made with: program, commit, packages, machine."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

# The packages that can move a number.
PACKAGES = (
    "accelerate", "clean-fid", "diffusers", "numpy", "opencv-python-headless", "peft", "pillow",
    "pyiqa", "scikit-image", "scipy", "torch", "torchmetrics", "torchvision", "transformers",
)  # fmt: skip


def tool() -> dict[str, Any]:
    """Return version, git commit and dirty flag of this program; nulls outside a git checkout."""
    root = Path(__file__).parents[2]
    commit = _git(root, "rev-parse", "HEAD") if (root / ".git").exists() else None
    dirty = bool(_git(root, "status", "--porcelain")) if commit else None
    return {"version": package_version("mfsr-bench"), "commit": commit, "dirty": dirty}


def _git(root: Path, *arguments: str) -> str | None:
    try:
        answer = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True, text=True, check=True, timeout=10,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


@cache
def package_version(name: str) -> str | None:
    """Return the installed version of a package without importing it, or None."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def packages() -> dict[str, str | None]:
    """Return the installed versions of the packages that can move a number."""
    return {name: package_version(name) for name in PACKAGES}


def machine() -> dict[str, Any]:
    """Return what the machine is, without importing torch."""
    import psutil

    return {
        "platform": platform.platform(),
        "python": platform.python_version(),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "gpus": gpus(),
    }


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


@cache
def gpus() -> list[str]:
    """Return the names and drivers of the NVIDIA GPUs as their own tool reports them."""
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in answer.stdout.splitlines() if line.strip()]


def now() -> str:
    """Return the time in UTC, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
