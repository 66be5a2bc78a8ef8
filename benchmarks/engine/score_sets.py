"""Set metrics (FID): one value per method and data set, from features of single images.

Methods are compared on the same images: those for which every method has a result. Features are
kept by image content, so that a further method costs its own images alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.engine import pool
from benchmarks.engine.score import FeatureTask, Resources, died, failure_row, run_workers
from benchmarks.metrics.scoring import ScoreFailure, Scorer
from benchmarks.results.rows import FailureRow, SetScoreRow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from benchmarks.api.metric import MetricSpec
    from benchmarks.metrics.scoring import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class SetJob:
    """What several methods made of a data set, and its references."""

    dataset: str
    spec: MetricSpec
    srs: Mapping[str, Mapping[str, Path]]  # method -> image -> SR file
    hrs: Mapping[str, Path]  # image -> HR file


def score_set(job: SetJob, resources: Resources) -> Iterator[SetScoreRow | FailureRow]:
    """Score a data set with one set metric; rows are in the store when they are yielded.

    Raises:
        MFSRBenchError: no image can be scored on this machine (weights, disk).
    """
    yield from _compute_features(job, resources)
    have = {method: srs for method, srs in job.srs.items() if srs}
    common = sorted(
        image
        for image, hr in job.hrs.items()
        if all(_known(srs.get(image), job, resources) for srs in have.values())
        and _known(hr, job, resources)
    )
    for method, srs in have.items():
        row = _score(job, method, [srs[i] for i in common], [job.hrs[i] for i in common], resources)
        resources.store.write([row])
        yield row


def _compute_features(job: SetJob, resources: Resources) -> Iterator[FailureRow]:
    owners = {path: ("", image) for image, path in job.hrs.items()}
    for method, srs in job.srs.items():
        owners.update({path: (method, image) for image, path in srs.items()})
    tasks = (
        FeatureTask(job.spec.id, path, resources.cache.sha256(path))
        for path in owners
        if not _known(path, job, resources)
    )
    for event in run_workers(tasks, resources, light=job.spec.light):
        if isinstance(event, pool.Finished):
            continue
        task = event.task
        assert isinstance(task, FeatureTask)
        features = died(event.cause) if isinstance(event, pool.Died) else event.payload
        if isinstance(features, ScoreFailure):
            method, image = owners[task.path]
            row = failure_row(job.dataset, method, image, job.spec.id, features)
            resources.store.write([row])
            yield row
        else:
            resources.cache.add_features(
                task.sha256, job.spec.id, resources.versions[job.spec.id], features
            )


def _known(path: Path | None, job: SetJob, resources: Resources) -> bool:
    return path is not None and _features(path, job.spec, resources) is not None


def _features(path: Path, spec: MetricSpec, resources: Resources) -> NDArray[np.float32] | None:
    return resources.cache.features(
        resources.cache.sha256(path), spec.id, resources.versions[spec.id]
    )


def _score(
    job: SetJob, method: str, srs: list[Path], hrs: list[Path], resources: Resources
) -> SetScoreRow | FailureRow:
    spec = job.spec
    key = (
        _digest(srs, resources),
        _digest(hrs, resources),
        spec.id,
        resources.versions[spec.id],
    )
    value = resources.cache.score(key)
    if value is None:
        outcome = _distance(job, srs, hrs, resources)
        if not isinstance(outcome, float):
            return failure_row(job.dataset, method, "", spec.id, outcome)
        value = outcome
        resources.cache.add_scores([(key, value)])
    return SetScoreRow(dataset=job.dataset, method=method, metric=spec.id, n=len(srs), value=value)


def _distance(job: SetJob, srs: list[Path], hrs: list[Path], resources: Resources) -> Outcome:
    import numpy as np

    def stacked(paths: list[Path]) -> NDArray[np.float32]:
        found = (_features(path, job.spec, resources) for path in paths)
        return np.stack([vector for vector in found if vector is not None])

    scorer = Scorer((job.spec,), store=resources.weights, device=resources.devices[0])
    return scorer.distance(job.spec.id, stacked(srs), stacked(hrs))


def _digest(paths: list[Path], resources: Resources) -> str:
    """Return what identifies a set of images: a hash over their hashes, in order."""
    hashes = "\n".join(resources.cache.sha256(path) for path in paths)
    return hashlib.sha256(hashes.encode()).hexdigest()
