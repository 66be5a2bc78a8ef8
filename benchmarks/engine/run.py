"""The run: prompts, restoring, scoring, sets of scores, files for people. One screen.

It is a generator of events, and everything that it has done is on disk before it says so. The same
configuration again does what is missing and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from benchmarks.api.seeds import seed_for
from benchmarks.engine.events import Advanced, Completed, Event, ItemFailed, StageBegan
from benchmarks.engine.prompts import add_prompts
from benchmarks.engine.restore import Failed, Restoration, Restored, Shard
from benchmarks.engine.score import Job, Resources, score
from benchmarks.engine.score_sets import SetJob, score_set
from benchmarks.results.directory import RunDirectory
from benchmarks.results.export import export
from benchmarks.results.provenance import tool
from benchmarks.results.rows import FailureRow, ImageRow
from benchmarks.results.speed import remember_speed
from benchmarks.results.store import RunStore

if TYPE_CHECKING:
    from benchmarks.api.restorer import LRFile
    from benchmarks.datasets.opening import OpenDataset
    from benchmarks.engine.config import RunConfig
    from benchmarks.methods import Method
    from benchmarks.results.cache import ScoreCache


def run(config: RunConfig, cache: ScoreCache) -> Iterator[Event]:
    """Do what is missing of a run, and say what happens.

    However the generator is left (exhausted, closed, an error), what was done is exported.

    Raises:
        ConflictError: the directory holds another run, or another process works in it.
        MFSRBenchError: the run cannot go on (weights, disk); finished work is kept.
    """
    directory = RunDirectory(config.out)
    with directory.locked():
        directory.begin(config.identity(), skipped_metrics=dict(config.skipped), tool=tool())
        store = RunStore(config.out)
        try:
            yield from _Run(config, cache, directory, store).events()
        finally:
            with closing(store):
                export(store, config.out)


class _Run:
    """The stages of one invocation."""

    def __init__(
        self, config: RunConfig, cache: ScoreCache, directory: RunDirectory, store: RunStore
    ) -> None:
        self.config = config
        self.cache = cache
        self.directory = directory
        self.store = store

    def events(self) -> Iterator[Event]:
        """Run the stages one after the other."""
        yield from self._restore()
        yield from self._score()
        yield from self._score_sets()
        failures = sum(1 for _ in self.store.rows(FailureRow))
        yield Completed(self.config.out, failures)

    def _pairs(self) -> Iterator[tuple[Method, OpenDataset]]:
        """Yield all methods x data sets, a method at a time, so that each is loaded once."""
        for method in self.config.methods:
            for dataset in self.config.datasets:
                yield method, dataset

    def _restore(self) -> Iterator[Event]:
        total = sum(len(dataset.samples) for _, dataset in self._pairs())
        shards = [shard for pair in self._pairs() for shard in self._shards(*pair)]
        done = total - sum(len(shard.images) for shard in shards)
        inline = self.config.workers == 0
        shards = yield from add_prompts(
            shards, self.config.prompts, self.store, self.cache, inline=inline
        )
        yield StageBegan("restore", total, done)
        for report in Restoration(shards).reports(self.config.devices, inline=inline):
            if isinstance(report, Restored):
                self.store.write([report.image, report.timing])
                row = report.image
                yield Advanced(f"{row.method} {row.dataset}/{row.image}")
            elif isinstance(report, Failed):
                self.store.write([report.failure])
                yield ItemFailed(report.failure)
        for method in dict.fromkeys(shard.method.key for shard in shards):
            scale = next(m.card.scale for m in self.config.methods if m.key == method)
            remember_speed(
                self.store, self.cache, method, scale=scale, device=self.config.devices[0]
            )

    def _shards(self, method: Method, dataset: OpenDataset) -> Iterator[Shard]:
        """Yield what is left to restore, in as many parts as there are devices."""
        name = dataset.card.id
        done = {
            row.image: row for row in self.store.rows(ImageRow, method=method.key, dataset=name)
        }
        left = [
            file
            for file in self.config.lr_files(dataset)
            if not self._is_restored(done.get(file.id))
        ]
        for part in _parts(left, len(self.config.devices)):
            yield Shard(
                method=method,
                dataset=name,
                images=part,
                run=self.config.out,
                seed=seed_for(self.config.seed, name),
                batch_size=self.config.batch_size,
            )

    def _is_restored(self, row: ImageRow | None) -> bool:
        if row is None:
            return False
        path = self.directory.image(row.method, row.dataset, row.image)
        return path.is_file() and self.cache.sha256(path) == row.sha256

    def _resources(self) -> Resources:
        config = self.config
        return Resources(
            store=self.store,
            cache=self.cache,
            specs=config.all_metrics(),
            versions=config.metric_versions,
            weights=config.weights,
            devices=config.devices,
            workers=config.workers,
        )

    def _jobs(self) -> Iterator[Job]:
        for dataset in self.config.datasets:
            specs = tuple(s for s in self.config.metrics_of(dataset) if s.level == "sample")
            for sample in dataset.samples:
                srs = {
                    row.method: self.directory.image(row.method, row.dataset, row.image)
                    for method in self.config.methods
                    for row in self.store.rows(
                        ImageRow, dataset=dataset.card.id, method=method.key, image=sample.id
                    )
                }
                if srs:
                    yield Job(
                        dataset=dataset.card.id,
                        image=sample.id,
                        srs=srs,
                        hr=sample.hr,
                        specs=specs,
                    )

    def _score(self) -> Iterator[Event]:
        total = sum(len(job.srs) * len(job.specs) for job in self._jobs())
        done = 0  # what the cache or an earlier invocation knows comes as events of its own
        yield StageBegan("score", total, done)
        for scored in score(self._jobs, self._resources()):
            for row in scored.rows:
                if isinstance(row, FailureRow):
                    yield ItemFailed(row)
            yield Advanced(f"{scored.dataset}/{scored.image}", len(scored.rows))

    def _score_sets(self) -> Iterator[Event]:
        jobs = [job for dataset in self.config.datasets for job in self._set_jobs(dataset)]
        yield StageBegan("score sets", sum(len(job.srs) for job in jobs), 0)
        for job in jobs:
            for row in score_set(job, self._resources()):
                if isinstance(row, FailureRow):
                    yield ItemFailed(row)
                else:
                    yield Advanced(f"{row.metric} {row.method} {row.dataset}")

    def _set_jobs(self, dataset: OpenDataset) -> Iterator[SetJob]:
        name = dataset.card.id
        for spec in self.config.metrics_of(dataset):
            if spec.level == "set":
                yield SetJob(
                    dataset=name,
                    spec=spec,
                    srs={
                        method.key: {
                            row.image: self.directory.image(row.method, name, row.image)
                            for row in self.store.rows(ImageRow, dataset=name, method=method.key)
                        }
                        for method in self.config.methods
                    },
                    hrs={sample.id: sample.hr for sample in dataset.samples if sample.hr},
                )


def _parts(files: Sequence[LRFile], n: int) -> Iterator[tuple[LRFile, ...]]:
    """Cut a list into at most n parts of nearly equal length, in order."""
    size = -(-len(files) // n)
    for start in range(0, len(files), max(1, size)):
        yield tuple(files[start : start + size])
