"""The program as a user starts it: help, lists, the embedded job; its memory as a run grows."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from ratios import Ratio, show

from benchmarks.api.images import write_png

_MAIN = "from benchmarks.cli.app import main; main()"
_REPEATS = 5
_FEW, _MANY = 40, 400  # images of a run


def _start(arguments: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-c", _MAIN, *arguments],
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _seconds(*arguments: str) -> float:
    """Return the least wall seconds of some repetitions of a command."""
    found = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        assert _start(list(arguments), {}).wait() == 0
        found.append(time.perf_counter() - start)
    return min(found)


def _run(folder: Path, *arguments: str) -> tuple[float, float]:
    """Return wall seconds and the peak memory in GiB of a run with all its processes."""
    environment = {
        "MFSR_BENCH_HOME": str(folder / "home"),
        "MFSR_BENCH_CACHE": str(folder / "cache"),
    }
    start = time.perf_counter()
    process = _start(["run", "--out", str(folder / "run"), *arguments], environment)
    peak = 0
    while process.poll() is None:
        peak = max(peak, _memory(process.pid))
        time.sleep(0.05)
    assert process.returncode == 0
    return time.perf_counter() - start, peak / 2**30


def _memory(pid: int) -> int:
    """Return the proportional set size of a process and its children, in bytes."""
    try:
        root = psutil.Process(pid)
        return sum(p.memory_full_info().pss for p in (root, *root.children(recursive=True)))
    except psutil.Error:
        return 0


def _memory_of_images(n: int) -> float:
    """Return the peak memory of a run over n small pairs, in GiB."""
    folder = Path(tempfile.mkdtemp())
    try:
        random = np.random.default_rng(0)
        for k in range(n):
            hr = random.integers(0, 256, (128, 128, 3), dtype=np.uint8)
            write_png(folder / "hr" / f"{k:05}.png", hr)
            write_png(folder / "lr" / f"{k:05}.png", hr[::4, ::4])
        dataset = f"folder:{folder}/lr::{folder}/hr"
        words = ("--methods", "nearest,bicubic", "--datasets", dataset, "--metrics", "psnr,ssim")
        return _run(folder, *words)[1]
    finally:
        shutil.rmtree(folder)


def main() -> bool:
    """Measure and print; return whether the targets are reached."""
    with tempfile.TemporaryDirectory() as name:
        seconds, memory = _run(Path(name))
    few, many = _memory_of_images(_FEW), _memory_of_images(_MANY)
    help_, list_ = _seconds("--help"), _seconds("list", "methods")
    return show(
        [
            Ratio(name="--help, of 0.5 s", ours=help_, alternative=0.5, target=1, unit="s"),
            Ratio(name="list methods, of 0.5 s", ours=list_, alternative=0.5, target=1, unit="s"),
            Ratio(name="embedded job, of 60 s", ours=seconds, alternative=60, target=1, unit="s"),
            Ratio(name="embedded job, of 3 GiB", ours=memory, alternative=3, target=1, unit="GiB"),
            Ratio(
                name=f"memory of {_FEW} images / {_MANY}",
                ours=many,
                alternative=few,
                target=0.95,
                unit="GiB",
            ),
        ]
    )


if __name__ == "__main__":
    raise SystemExit(not main())
