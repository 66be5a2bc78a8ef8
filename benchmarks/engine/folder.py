"""Scoring a folder of images without a run: the same passes, cache and workers, nothing on disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.engine.events import Advanced, Event, ItemFailed, StageBegan
from benchmarks.engine.score import Job, Resources, score
from benchmarks.engine.score_sets import SetJob, score_set
from benchmarks.metrics.version import metric_version
from benchmarks.results.rows import FailureRow
from benchmarks.results.store import RunStore

if TYPE_CHECKING:
    from benchmarks.api.metric import MetricSpec
    from benchmarks.api.weights import WeightStore
    from benchmarks.pairing import Pair
    from benchmarks.results.cache import ScoreCache

FOLDER = "folder"  # the data set of all rows
SR = "sr"  # their method


def resources_for(
    specs: Sequence[MetricSpec],
    cache: ScoreCache,
    weights: WeightStore,
    *,
    devices: tuple[str, ...] = ("cpu",),
    workers: int = 1,
) -> Resources:
    """Return what scoring a folder computes with; its rows are kept in memory.

    Raises:
        WeightsError: a metric's weights are not here, or are not what they should be.
    """
    return Resources(
        store=RunStore(None),
        cache=cache,
        specs=tuple(specs),
        versions={spec.id: metric_version(spec, weights, cache.sha256) for spec in specs},
        weights=weights,
        devices=devices,
        workers=workers,
    )


def score_folder(pairs: Sequence[Pair], resources: Resources) -> Iterator[Event]:
    """Score images and say what happens; the rows are in `resources.store`.

    Raises:
        MFSRBenchError: no image can be scored on this machine.
    """
    samples = tuple(spec for spec in resources.specs if spec.level == "sample")
    sets = tuple(spec for spec in resources.specs if spec.level == "set")

    def jobs() -> Iterator[Job]:
        for one in pairs:
            yield Job(dataset=FOLDER, image=one.image, srs={SR: one.sr}, hr=one.hr, specs=samples)

    if samples:
        yield StageBegan("score", len(pairs) * len(samples), 0)
        for scored in score(jobs, resources):
            yield from _events(scored.rows, f"{scored.image}")
    for spec in sets:
        hrs: dict[str, Path] = {one.image: one.hr for one in pairs if one.hr}
        job = SetJob(
            dataset=FOLDER, spec=spec, srs={SR: {one.image: one.sr for one in pairs}}, hrs=hrs
        )
        yield StageBegan(spec.id, 1, 0)
        for row in score_set(job, resources):
            yield from _events([row], spec.id)


def _events(rows: Sequence[object], text: str) -> Iterator[Event]:
    for row in rows:
        if isinstance(row, FailureRow):
            yield ItemFailed(row)
        else:
            yield Advanced(text)
