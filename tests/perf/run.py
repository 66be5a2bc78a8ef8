"""Runs the `perf_*.py` of this folder, each in a process of its own, one after the other.

    python tests/perf/run.py [part of a name ...]

Both sides of a comparison have one thread: threads that wait for each other on a busy machine are
counted as work, which would favour whichever side has the shorter steps.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.metrics.scoring import LIGHT_WORKER_ENV


def main(names: list[str]) -> int:
    """Return the number of scripts that did not reach a target."""
    below = 0
    for script in sorted(Path(__file__).parent.glob("perf_*.py")):
        if names and not any(name in script.stem for name in names):
            continue
        sys.stdout.write(f"\n{script.stem}\n")
        sys.stdout.flush()
        environment = os.environ | LIGHT_WORKER_ENV
        done = subprocess.run([sys.executable, script], env=environment, check=False)
        below += done.returncode != 0
    return below


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
