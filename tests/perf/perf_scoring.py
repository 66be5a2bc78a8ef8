"""Scoring a folder: a second process against one, and unchanged images against new ones.

The time of starting the program is not counted: workers are measured from their first result.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from perf_light_metrics import METRICS, pairs_in
from ratios import Ratio, show

from benchmarks import registry
from benchmarks.api.weights import WeightStore
from benchmarks.engine.events import Advanced
from benchmarks.engine.folder import resources_for, score_folder
from benchmarks.pairing import Pair
from benchmarks.results.cache import ScoreCache

_COPIES = 6  # of the pairs, under other names, so that scoring outlasts starting


def _copies(pairs: list[tuple[Path, Path]], folder: Path) -> list[Pair]:
    """Return the pairs several times over, each copy with contents of its own."""
    found = []
    for k in range(_COPIES):
        for sr, hr in pairs:
            path = folder / f"{k}-{sr.name}"
            path.write_bytes(sr.read_bytes() + bytes([k]))  # a byte after the end is no pixel
            found.append(Pair(image=path.stem, sr=path, hr=hr))
    return found


def _score(pairs: list[Pair], cache: Path, weights: Path, workers: int) -> tuple[float, float]:
    """Return the wall seconds of scoring, and those from the first to the last result."""
    specs = registry.metric_specs()
    start = time.perf_counter()
    resources = resources_for(
        [specs[metric] for metric in METRICS],
        ScoreCache(cache),
        WeightStore(weights),
        workers=workers,
    )
    times = []
    for event in score_folder(pairs, resources):
        if isinstance(event, Advanced):
            times.append(time.perf_counter())
    count = len(pairs) * len(METRICS)
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
        weights = folder / "weights"  # these metrics need none
        pairs = _copies(pairs_in(folder), folder)
        _, one = _score(pairs, folder / "cache1", weights, 1)
        _, two = _score(pairs, folder / "cache2", weights, 2)
        again, _ = _score(pairs, folder / "cache1", weights, 1)
        assert "torch" not in sys.modules
    n = len(pairs)
    return show(
        [
            Ratio(
                name=f"{n} pairs, 2 processes / 1", ours=two, alternative=one, target=1.7, unit="s"
            ),
            Ratio(
                name=f"{n} unchanged pairs / new", ours=again, alternative=one, target=100, unit="s"
            ),
        ]
    )


if __name__ == "__main__":
    raise SystemExit(not main())
