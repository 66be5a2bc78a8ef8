"""A run of 100,000 results: the same command again with nothing to do, and its table.

    nox -s perf -- large_run

33,334 images of three methods, with one score each, as the engine leaves them. Files and database
are written here, not restored, and hashed once by a first command that is not measured.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from ratios import Ratio, show

from benchmarks.api.images import sha256_file, sha256_pixels, write_png
from benchmarks.request import RunRequest, ask
from benchmarks.results.cache import ScoreCache
from benchmarks.results.directory import RunDirectory
from benchmarks.results.rows import ImageRow, ScoreRow, TimingRow
from benchmarks.results.store import RunStore
from benchmarks.settle import settle_run

IMAGES = 33_334
METHODS = ("nearest", "bicubic", "lanczos")
METRIC = "psnr@rgb"
SECONDS = 10.0  # that are allowed


def _write(folder: Path, images: int) -> list[str]:
    """Write the data set and the run; return the words of the command that it is the run of."""
    small, large = np.zeros((4, 4, 3), np.uint8), np.zeros((16, 16, 3), np.uint8)
    write_png(folder / "small.png", small)
    write_png(folder / "large.png", large)
    names = [f"{k:06}" for k in range(images)]
    for side, source in (("lr", "small.png"), ("hr", "large.png")):
        (folder / side).mkdir()
        for name in names:
            shutil.copyfile(folder / source, folder / side / f"{name}.png")
    asked = {
        "methods": METHODS,
        "datasets": (f"folder:photos={folder}/lr::{folder}/hr",),
        "metrics": (METRIC,),
        "out": folder / "run",
        "device": ("cpu",),
    }
    plan = settle_run(ask(RunRequest, asked), ScoreCache()).plan
    directory = RunDirectory(plan.out)
    directory.begin(plan.identity(), tool={}, skipped_metrics={})
    facts = {
        "sha256": sha256_file(folder / "large.png"),
        "sha256_pixels": sha256_pixels(large),
        "width": 16,
        "height": 16,
    }
    store = RunStore(plan.out)
    for method in METHODS:
        directory.image(method, "photos", "x").parent.mkdir(parents=True)
        for file in plan.lr_files(plan.datasets[0]):
            key = {"dataset": "photos", "method": method, "image": file.id}
            shutil.copyfile(folder / "large.png", directory.image(method, "photos", file.id))
            store.write(
                [
                    ImageRow(**key, **facts, seed=file.seed),
                    TimingRow(**key, seconds=0.01),
                    ScoreRow(**key, metric=METRIC, value=30.0 + (file.seed % 1000) / 1000),
                ]
            )
    store.close()
    words = ["run", "-m", ",".join(METHODS), "-d", asked["datasets"][0], "--metrics", METRIC]
    return [*words, "--out", str(plan.out), "--device", "cpu", "--quiet"]


def _timed(folder: Path, name: str, words: list[str]) -> Ratio:
    """Run the program, and return its wall seconds; print its CPU seconds beside them."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", "from mfsr_bench import main; main()", *words],
        check=True,
        stdout=subprocess.DEVNULL,
        env=os.environ | {"XDG_CACHE_HOME": str(folder / "cache")},
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    load = os.getloadavg()[0]
    sys.stdout.write(f"  {name}: {wall:.1f} s, {cpu:.1f} CPU s, load {load:.1f}\n")
    return Ratio(name=name, ours=wall, alternative=SECONDS, target=1, unit="s")


def main(images: int) -> bool:
    """Measure and print; return whether the targets are reached."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        words = _write(folder, images)
        n = images * len(METHODS)
        _timed(folder, "first, with hashing", words)
        again = _timed(folder, f"{n} results, nothing to do", words)
        table = ["report", "table", str(folder / "run"), "--format", "md"]
        return show([again, _timed(folder, f"{n} results, table", table)])


if __name__ == "__main__":
    raise SystemExit(not main(int(sys.argv[1]) if len(sys.argv) > 1 else IMAGES))
