"""Counts of the house itself: lines, files, public names, longest function, frames to a PSNR."""

from __future__ import annotations

import ast
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.api.images import write_png

ROOT = Path(__file__).parents[2]
PACKAGES = ("mfsr", "baselines", "benchmarks", "reports")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

# Runs the command with one process, and prints how many frames lie between `main` and the metric.
_FRAMES = """
import sys, traceback
from benchmarks.cli import app
from benchmarks.metrics.psnr import Psnr
score = Psnr.score
def counted(*arguments):
    names = [frame.name for frame in traceback.extract_stack()]
    print(len(names) - names.index("main") - 1, file=sys.stderr)
    return score(*arguments)
Psnr.score = counted
app.main()
"""


def main() -> bool:
    """Count and print; there is no target that a machine could miss."""
    sources = [path for name in PACKAGES for path in (ROOT / name).rglob("*.py")]
    trees = {path: ast.parse(path.read_text("utf-8")) for path in sources}
    lines = sum(path.read_text("utf-8").count("\n") for path in sources)
    public = sum(len(list(_public(tree))) for tree in trees.values())
    longest = max(
        ((node.end_lineno or node.lineno) - node.lineno + 1, f"{path.stem}.{node.name}")
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, _FUNCTIONS)
    )
    print(f"files {len(sources)}, lines {lines}")
    print(f"public names {public}, {1000 * public / lines:.1f} per 1000 lines")
    print(f"longest function {longest[0]} lines ({longest[1]})")
    print(f"frames from main to the PSNR of an image: {_frames()}")
    return True


def _public(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            names = [node.name]
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
        else:
            continue
        yield from (name for name in names if not name.startswith("_"))


def _frames() -> int:
    with tempfile.TemporaryDirectory() as name:
        for side in ("sr", "hr"):
            image = np.random.default_rng(len(side)).integers(0, 256, (32, 32, 3), dtype=np.uint8)
            write_png(Path(name) / side / "a.png", image)
        words = ["score", "--sr", f"{name}/sr", "--hr", f"{name}/hr", "--metrics", "psnr"]
        done = subprocess.run(
            [sys.executable, "-c", _FRAMES, *words, "--workers", "0", "--quiet"],
            capture_output=True,
            text=True,
            check=True,
            env={"MFSR_BENCH_CACHE": f"{name}/cache", "PATH": ""},
        )
    return int(done.stderr.split()[0])


if __name__ == "__main__":
    raise SystemExit(not main())
