"""Scoring: files in, rows out. It knows nothing of restoring, so any folder can be scored.

Three passes over the same jobs: what the cache knows, light metrics (many processes, no torch),
deep metrics (one process per device). Then set metrics, from features of single images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.api.errors import MFSRBenchError
from benchmarks.engine import pool
from benchmarks.metrics.scoring import LIGHT_WORKER_ENV, ScoreFailure, Scorer
from benchmarks.results.rows import FailureRow, ScoreRow

if TYPE_CHECKING:
    from benchmarks.api.metric import MetricSpec
    from benchmarks.api.weights import WeightStore
    from benchmarks.metrics.scoring import Outcome
    from benchmarks.results.cache import ScoreCache, ScoreKey
    from benchmarks.results.store import RunStore

_STAGE = "score"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What several methods made of one LR image, and its reference."""

    dataset: str
    image: str
    srs: Mapping[str, Path]  # by method
    hr: Path | None
    specs: tuple[MetricSpec, ...]  # sample metrics that apply


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What scoring computes with, and what it remembers."""

    store: RunStore
    cache: ScoreCache
    specs: tuple[MetricSpec, ...]  # all metrics that any job asks for
    versions: Mapping[str, str]  # metric id -> its full version
    weights: WeightStore
    devices: tuple[str, ...] = ("cpu",)
    workers: int = 1  # processes for light metrics; 0: everything in this process


@dataclass(frozen=True, slots=True)
class Scored:
    """Values or failures of one image; they are in the store already."""

    dataset: str
    image: str
    rows: tuple[ScoreRow | FailureRow, ...]


@dataclass(frozen=True, slots=True)
class _Task:
    """What a worker is to compute for one image."""

    job: Job
    wanted: frozenset[tuple[str, str]]  # (method, metric id) to be scored
    known: frozenset[tuple[str, str]]  # the others


@dataclass(frozen=True, slots=True)
class FeatureTask:
    """An image whose features a worker is to compute."""

    metric: str
    path: Path
    sha256: str


Task = _Task | FeatureTask


@dataclass(frozen=True, slots=True)
class _Stopped:
    """No image can be scored on this machine."""

    error: MFSRBenchError


class ScoreHandler:
    """Scores in a worker: sample metrics of images, or features for set metrics."""

    def __init__(self, specs: Sequence[MetricSpec], store: WeightStore, device: str) -> None:
        self._arguments = (specs, store, device)
        self._scorer: Scorer | None = None

    def close(self) -> None:
        """Nothing is held beyond memory."""

    def __call__(self, task: Task) -> Iterator[object]:
        """Yield the outcomes of a task, or the error that stops everything."""
        if self._scorer is None:
            specs, store, device = self._arguments
            self._scorer = Scorer(specs, store=store, device=device)
        try:
            if isinstance(task, FeatureTask):
                yield self._scorer.features(task.metric, task.path)
            else:
                yield self._scorer.score_image(task.job.srs, task.job.hr, known=task.known)
        except MFSRBenchError as error:
            yield _Stopped(error)


def score(jobs: Callable[[], Iterable[Job]], resources: Resources) -> Iterator[Scored]:
    """Score all jobs with their sample metrics, and yield each image's new rows.

    Args:
        jobs: yields the jobs, the same ones each time it is called.
        resources: where values are kept, and what to compute with.

    Raises:
        MFSRBenchError: no image can be scored on this machine (weights, disk).
    """
    for job in jobs():
        rows = _from_cache(job, resources)
        if rows:
            resources.store.write(rows)
            yield Scored(job.dataset, job.image, rows)
    for light in (True, False):
        yield from _compute(jobs, resources, light=light)


def _compute(
    jobs: Callable[[], Iterable[Job]], resources: Resources, *, light: bool
) -> Iterator[Scored]:
    for event in run_workers(_tasks(jobs, resources, light=light), resources, light=light):
        task = event.task
        assert isinstance(task, _Task)
        if isinstance(event, pool.Message):
            outcomes: Mapping[tuple[str, str], Outcome] = event.payload
        elif isinstance(event, pool.Died):
            outcomes = dict.fromkeys(sorted(task.wanted), died(event.cause))
        else:
            continue
        rows = _rows(task.job, outcomes)
        resources.store.write(rows)
        _remember(task.job, rows, resources)
        yield Scored(task.job.dataset, task.job.image, rows)


def run_workers(
    tasks: Iterable[Task], resources: Resources, *, light: bool
) -> Iterator[pool.Event[Task]]:
    """Run tasks in the workers that fit their metrics.

    Raises:
        MFSRBenchError: a worker cannot score anything on this machine.
    """
    specs = tuple(spec for spec in resources.specs if spec.light == light)
    devices = ["cpu"] * max(1, resources.workers) if light else resources.devices
    handlers = [partial(ScoreHandler, specs, resources.weights, device) for device in devices]
    env = LIGHT_WORKER_ENV if light else {}
    for event in pool.run(tasks, handlers, inline=resources.workers == 0, env=env):
        if isinstance(event, pool.Message) and isinstance(event.payload, _Stopped):
            raise event.payload.error
        yield event


def _tasks(
    jobs: Callable[[], Iterable[Job]], resources: Resources, *, light: bool
) -> Iterator[_Task]:
    for job in jobs():
        pairs = {(m, spec.id) for m in job.srs for spec in resources.specs}
        mine = [spec.id for spec in job.specs if spec.light == light]
        missing = {
            (method, metric)
            for method in job.srs
            for metric in set(mine) - (_stored(job, method, resources.store) if mine else set())
        }
        if missing:
            yield _Task(job, frozenset(missing), frozenset(pairs - missing))


def _stored(job: Job, method: str, store: RunStore) -> set[str]:
    """Return the metrics that a method's image has a score of."""
    rows = store.rows(ScoreRow, dataset=job.dataset, method=method, image=job.image)
    return {row.metric for row in rows}


def _from_cache(job: Job, resources: Resources) -> tuple[ScoreRow, ...]:
    """Return the rows of a job that are not in the store but in the cache."""
    rows = []
    key = _Keys(job, resources)
    for method in job.srs:
        stored = _stored(job, method, resources.store)
        for spec in job.specs:
            if spec.id in stored:
                continue
            try:
                value = resources.cache.score(key(method, spec))
            except MFSRBenchError:  # an unreadable file: scoring it records why
                continue
            if value is not None:
                rows.append(_score_row(job, method, spec.id, value))
    return tuple(rows)


class _Keys:
    """The cache keys of one job; each file is looked up once."""

    def __init__(self, job: Job, resources: Resources) -> None:
        self._job = job
        self._resources = resources
        self._hashes: dict[Path, str] = {}

    def __call__(self, method: str, spec: MetricSpec) -> ScoreKey:
        hr = self._job.hr if spec.needs_reference else None
        reference = self._hash(hr) if hr else ""
        sr = self._hash(self._job.srs[method])
        return sr, reference, spec.id, self._resources.versions[spec.id]

    def _hash(self, path: Path) -> str:
        if path not in self._hashes:
            self._hashes[path] = self._resources.cache.sha256(path)
        return self._hashes[path]


def _remember(job: Job, rows: Iterable[ScoreRow | FailureRow], resources: Resources) -> None:
    specs = {spec.id: spec for spec in job.specs}
    key = _Keys(job, resources)
    resources.cache.add_scores(
        (key(row.method, specs[row.metric]), row.value) for row in rows if isinstance(row, ScoreRow)
    )


def _rows(
    job: Job, outcomes: Mapping[tuple[str, str], Outcome]
) -> tuple[ScoreRow | FailureRow, ...]:
    return tuple(
        _score_row(job, method, metric, outcome)
        if isinstance(outcome, float)
        else failure_row(job.dataset, method, job.image, metric, outcome)
        for (method, metric), outcome in outcomes.items()
    )


def _score_row(job: Job, method: str, metric: str, value: float) -> ScoreRow:
    return ScoreRow(dataset=job.dataset, method=method, image=job.image, metric=metric, value=value)


def failure_row(
    dataset: str, method: str, image: str, metric: str, failure: ScoreFailure
) -> FailureRow:
    """Return the row that records that there is no value."""
    return FailureRow(
        dataset=dataset,
        method=method,
        image=image,
        stage=_STAGE,
        metric=metric,
        error=failure.error,
        cause=" ".join(failure.cause.split()),
    )


def died(cause: str) -> ScoreFailure:
    """Return the failure of what a worker was at when it ended."""
    return ScoreFailure("WorkerDied", cause)
