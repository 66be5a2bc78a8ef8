"""Four Ray nodes against one, and one against this machine, by a method that sleeps 200 ms.

    nox -s perf -- ray

On two cores nodes share what the measurement itself needs: times are from the first image to the
last, so that starting four interpreters at once is not counted; the whole is printed beside it.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from ratios import Ratio, show

_N = int(os.environ.get("PERF_RAY_IMAGES", "400"))


def main() -> bool:
    """Measure and print; return whether the targets are reached."""
    from ray_nodes import nodes, raylets, run, shard_of

    folder = Path(tempfile.mkdtemp())
    try:
        here = run(shard_of(folder / "here", _N // 4), None)
        with raylets(4):
            four, _ = nodes.choose("ray", None, None)
            one, _ = nodes.choose("ray", [four.nodes[0].name], None)
            few = run(shard_of(folder / "few", _N // 4), one)
            alone = run(shard_of(folder / "one", _N), one)
            together = run(shard_of(folder / "four", _N), four)
    finally:
        shutil.rmtree(folder)
    for name, done in (("here", here), ("1 node", alone), ("4 nodes", together)):
        print(f"{name}: {done.n} images, {done.whole_s:.1f} s whole, {done.paced_s:.1f} s paced")
    same = few.sha256 == here.sha256 and alone.sha256 == together.sha256
    overhead = (few.per_image_s - here.per_image_s) * 1000
    print(f"same bytes: {same}; overhead {overhead:.1f} ms an image (goal 10)")
    name = f"{_N} images of 200 ms: 4 Ray nodes, 1 node"
    rows = [
        Ratio(name=name, ours=together.paced_s, alternative=alone.paced_s, target=3.8, unit="s")
    ]
    return show(rows) and same and overhead <= 10


if __name__ == "__main__":
    try:
        import ray  # noqa: F401
    except ImportError:
        sys.exit("Ray is not installed: pip install -e .[ray]")
    raise SystemExit(not main())
