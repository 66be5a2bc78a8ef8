"""Scoring a folder: a second process against one, and unchanged images against new ones.

The time of starting the program is not counted: workers are measured from their first result.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

from perf_light_metrics import METRICS, pairs_in
from ratios import Ratio, show

from benchmarks.engine.events import Advanced
from benchmarks.engine.run import score
from benchmarks.request import ScoreRequest, ask
from benchmarks.results.cache import ScoreCache
from benchmarks.results.store import RunStore
from benchmarks.settle import settle_score, settled

_COPIES = 6  # of the pairs, under other names, so that scoring outlasts starting


def _copies(pairs: list[tuple[Path, Path]], folder: Path) -> None:
    """Write the pairs several times over, each copy with contents of its own."""
    for side in ("sr", "hr"):
        (folder / side).mkdir()
    for k in range(_COPIES):
        for sr, hr in pairs:
            name = f"{k}-{sr.name}"
            # A byte after the end is no pixel.
            (folder / "sr" / name).write_bytes(sr.read_bytes() + bytes([k]))
            shutil.copyfile(hr, folder / "hr" / name)


def _score(folder: Path, cache: Path, workers: int) -> tuple[float, float]:
    """Return the wall seconds of scoring, and those from the first to the last result."""
    start = time.perf_counter()
    asked = {"sr": folder / "sr", "hr": folder / "hr", "metrics": METRICS, "workers": workers}
    known, store = ScoreCache(cache), RunStore(None)
    plan = settled(lambda: settle_score(ask(ScoreRequest, {**asked, "device": "cpu"}), known))
    times = []
    for event in score(plan, store, known):
        if isinstance(event, Advanced):
            times += [time.perf_counter()] * event.units
    count = len(plan.images.images()) * len(METRICS)
    assert len(times) == count, f"{len(times)} of {count} scores"
    end = time.perf_counter()
    # The first result of each process ends its start; what follows is scoring.
    skipped = max(1, workers) * len(METRICS)
    steady = (times[-1] - times[skipped - 1]) * count / (count - skipped)
    return end - start, steady


def main() -> bool:
    """Measure and print; return whether the targets are reached."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pairs = pairs_in(folder)
        _copies(pairs, folder)
        _, one = _score(folder, folder / "cache1", 1)
        _, two = _score(folder, folder / "cache2", 2)
        again, _ = _score(folder, folder / "cache1", 1)
        assert "torch" not in sys.modules
    n = _COPIES * len(pairs)
    return show(
        [
            Ratio(
                name=f"{n} pairs, 2 processes / 1", ours=two, alternative=one, target=1.7, unit="s"
            ),
            Ratio(
                name=f"{n} unchanged pairs / new", ours=again, alternative=one, target=300, unit="s"
            ),
        ]
    )


if __name__ == "__main__":
    raise SystemExit(not main())
