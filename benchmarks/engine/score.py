"""Scoring: files in, rows out. It knows nothing of restoring, so any folder can be scored.

Three passes over the same images: what the cache knows, light metrics (many processes, no torch),
deep metrics (one process per device).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from benchmarks.api.errors import MFSRBenchError
from benchmarks.engine import pool
from benchmarks.engine.events import Advanced, Event, ItemFailed, Loading, StageBegan
from benchmarks.metrics.scoring import (
    LIGHT_WORKER_ENV,
    FeatureTask,
    ImageTask,
    ScoreFailure,
    Scorer,
)
from benchmarks.results.rows import FailureRow, ScoreRow

if TYPE_CHECKING:
    from benchmarks.api.metric import MetricSpec
    from benchmarks.metrics.scoring import Outcome
    from benchmarks.plan import ImageSet, Scoring
    from benchmarks.results.cache import ScoreCache, ScoreKey
    from benchmarks.results.store import RunStore

T = TypeVar("T")
STAGE = "score"


@dataclass(frozen=True, slots=True)
class Ledger:
    """Scores that need no computing: those of this run, and those that the cache remembers."""

    store: RunStore
    cache: ScoreCache
    versions: Mapping[str, str]  # metric id -> its full version
    _hashes: dict[Path, str] = field(default_factory=dict)

    def sha256(self, path: Path) -> str:
        """Return the hash of a file, read once."""
        if path not in self._hashes:
            self._hashes[path] = self.cache.sha256(path)
        return self._hashes[path]

    def key(self, spec: MetricSpec, sr: Path, hr: Path | None) -> ScoreKey:
        """Return what a score is remembered by."""
        reference = self.sha256(hr) if hr and spec.needs_reference else ""
        return self.sha256(sr), reference, spec.id, self.versions[spec.id]

    def remember(self, scores: Iterable[tuple[MetricSpec, Path, Path | None, float]]) -> None:
        """Keep scores of files for later runs."""
        self.cache.add_scores((self.key(spec, sr, hr), value) for spec, sr, hr, value in scores)

    def recall(self, spec: MetricSpec, sr: Path, hr: Path | None) -> float | None:
        """Return a remembered score of a file."""
        try:
            return self.cache.score(self.key(spec, sr, hr))
        except MFSRBenchError:  # an unreadable file: scoring it records why
            return None


def score_images(sets: Sequence[ImageSet], scoring: Scoring, ledger: Ledger) -> Iterator[Event]:
    """Score all images with their sample metrics; what is yielded is in the store.

    Raises:
        MFSRBenchError: no image can be scored on this machine (weights, disk).
    """
    specs = {spec.id: spec for one in sets for spec in one.sample_specs()}
    total = sum(len(files) * len(one.sample_specs()) for one in sets for files in one.srs.values())
    if not total:
        return
    tasks = [task for one in sets for task in _tasks(one, ledger.store)]
    yield StageBegan(STAGE, total, total - sum(len(task.wanted) for task in tasks))
    left: list[ImageTask] = []
    for task in tasks:
        remembered = _remembered(task, specs, ledger)
        yield from _write(task, remembered, ledger.store)
        left.append(replace(task, wanted=task.wanted - remembered.keys()))
    for light in (True, False):
        mine = [spec for spec in specs.values() if spec.light == light]
        if not light and (names := _wanted(left, mine)):
            yield Loading(", ".join(names))
        for task, answer in compute(_narrowed(left, mine), mine, scoring):
            found = unless_died(answer)
            outcomes = found if isinstance(found, dict) else dict.fromkeys(task.wanted, found)
            yield from _write(task, outcomes, ledger.store)
            ledger.remember(
                (specs[metric], task.srs[method], task.hr, value)
                for (method, metric), value in outcomes.items()
                if isinstance(value, float)
            )


def _tasks(images: ImageSet, store: RunStore) -> Iterator[ImageTask]:
    """Yield all images of a set, and which scores of them the run has not."""
    rows = store.rows(ScoreRow, dataset=images.dataset)
    stored = {(row.method, row.image, row.metric) for row in rows}
    metrics = [spec.id for spec in images.sample_specs()]
    for image, srs in images.images().items():
        yield ImageTask(
            dataset=images.dataset,
            image=image,
            srs=srs,
            hr=images.hrs.get(image),
            wanted=frozenset((m, k) for m in srs for k in metrics if (m, image, k) not in stored),
        )


def _remembered(
    task: ImageTask, specs: Mapping[str, MetricSpec], ledger: Ledger
) -> dict[tuple[str, str], Outcome]:
    found: dict[tuple[str, str], Outcome] = {}
    for method, metric in sorted(task.wanted):
        value = ledger.recall(specs[metric], task.srs[method], task.hr)
        if value is not None:
            found[method, metric] = value
    return found


def _wanted(tasks: Iterable[ImageTask], specs: Sequence[MetricSpec]) -> list[str]:
    metrics = {metric for task in tasks for _, metric in task.wanted}
    return [spec.title for spec in specs if spec.id in metrics]


def _narrowed(tasks: Iterable[ImageTask], specs: Sequence[MetricSpec]) -> Iterator[ImageTask]:
    metrics = {spec.id for spec in specs}
    for task in tasks:
        wanted = frozenset(key for key in task.wanted if key[1] in metrics)
        if wanted:
            yield replace(task, wanted=wanted)


def compute(
    tasks: Iterable[T], specs: Sequence[MetricSpec], scoring: Scoring
) -> Iterator[tuple[T, Any]]:
    """Return what does tasks of metrics that are all light, or none of them, with their answers.

    Raises:
        MFSRBenchError: no image can be scored on this machine (weights, disk).
    """
    light = all(spec.light for spec in specs)
    devices = ("cpu",) * max(1, scoring.workers) if light else scoring.devices
    make = partial(Scorer, specs, store=scoring.weights)
    shared = iter(tasks)
    workers: list[pool.Worker[Any]] = [(partial(make, device=one), shared) for one in devices]
    return pool.run(
        workers,
        inline=scoring.workers == 0,
        env=LIGHT_WORKER_ENV if light else {},
        cluster=scoring.cluster,
        job=pool.Job(
            name=f"score {', '.join(spec.name for spec in specs)}",
            reads=_reads,
            gpus=float(devices[0].startswith("cuda")),
            whole=not light,
        ),
    )


def _reads(task: ImageTask | FeatureTask, _fresh: bool) -> Iterator[Path]:
    """Yield the files that a task looks at."""
    if isinstance(task, FeatureTask):
        yield task.path
        return
    yield from (task.srs[method] for method in {method for method, _ in task.wanted})
    if task.hr:
        yield task.hr


def unless_died(answer: Any) -> Any:
    """Return a worker's answer; that it died, as a failure to score."""
    return ScoreFailure("WorkerDied", answer.cause) if isinstance(answer, pool.Died) else answer


def _write(
    task: ImageTask, outcomes: Mapping[tuple[str, str], Outcome], store: RunStore
) -> Iterator[Event]:
    """Write what came of an image, and say it."""
    if not outcomes:
        return
    rows: list[ScoreRow | FailureRow] = []
    for (method, metric), outcome in sorted(outcomes.items()):
        key = {"dataset": task.dataset, "method": method, "image": task.image, "metric": metric}
        if isinstance(outcome, ScoreFailure):
            rows.append(FailureRow(**key, stage=STAGE, error=outcome.error, cause=outcome.cause))
        else:
            rows.append(ScoreRow(**key, value=outcome))
    store.write(rows)
    failures = [row for row in rows if isinstance(row, FailureRow)]
    yield from map(ItemFailed, failures)
    if len(rows) > len(failures):
        yield Advanced(f"{task.dataset}/{task.image}", len(rows) - len(failures))
