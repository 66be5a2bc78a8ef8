"""The run: prompts, restoring, scoring, sets of scores, files for people. One screen.

It is a generator of events, and what it says is done is done for good. The same plan again does
what is missing and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.api.seeds import seed_for
from benchmarks.engine.events import Advanced, Completed, Event, ItemFailed, Noted, StageBegan
from benchmarks.engine.prompts import add_prompts
from benchmarks.engine.restore import Restored, Shard, restore
from benchmarks.engine.score import Ledger, score_images
from benchmarks.engine.score_sets import score_sets
from benchmarks.plan import ImageSet
from benchmarks.results.directory import RunDirectory
from benchmarks.results.export import export
from benchmarks.results.provenance import tool
from benchmarks.results.rows import FailureRow, ImageRow
from benchmarks.results.session import session
from benchmarks.results.speed import remember_speed
from benchmarks.results.store import RunStore

if TYPE_CHECKING:
    from benchmarks.datasets.opening import OpenDataset
    from benchmarks.methods import Method
    from benchmarks.plan import RunPlan, ScorePlan
    from benchmarks.results.cache import ScoreCache


def run(plan: RunPlan, cache: ScoreCache) -> Iterator[Event]:
    """Do what is missing of a run, and say what happens.

    However the generator is left (exhausted, closed, an error), what was done is exported.

    Raises:
        ConflictError: the directory holds another run, or another process works in it.
        MFSRBenchError: the run cannot go on (weights, disk); finished work is kept.
    """
    directory = RunDirectory(plan.out)
    with directory.locked(), closing(RunStore(plan.out)) as store:
        outdated = directory.begin(
            plan.identity(),
            restored={row.method for row in store.rows(ImageRow)},
            skipped_metrics=dict(plan.scoring.skipped),
            tool=tool(),
        )
        opened = {dataset.card.id: dataset.spec for dataset in plan.datasets}
        with session(plan.out, request=plan.asked, datasets=opened) as ending:
            try:
                for metric, versions in outdated.items():
                    if store.forget(metric):
                        yield Noted(f"{metric} is computed anew: {versions}.")
                yield from _restore(plan, store, cache)
                sets = [_image_set(plan, dataset, store) for dataset in plan.datasets]
                ledger = Ledger(store, cache, plan.scoring.versions)
                yield from score_images(sets, plan.scoring, ledger)
                yield from score_sets(sets, plan.scoring, ledger)
                failures = sum(1 for _ in store.rows(FailureRow))
                ending["exit_code"] = 1 if failures else 0
                yield Completed(plan.out, failures)
            finally:
                export(store, plan.out)


def score(plan: ScorePlan, store: RunStore, cache: ScoreCache) -> Iterator[Event]:
    """Do the part of a run that is left where the images exist already.

    Raises:
        MFSRBenchError: no image can be scored on this machine.
    """
    ledger = Ledger(store, cache, plan.scoring.versions)
    yield from score_images([plan.images], plan.scoring, ledger)
    yield from score_sets([plan.images], plan.scoring, ledger)


def _restore(plan: RunPlan, store: RunStore, cache: ScoreCache) -> Iterator[Event]:
    """Restore what is not there, a method at a time, so that each is loaded once."""
    pairs = [(method, dataset) for method in plan.methods for dataset in plan.datasets]
    shards = [shard for pair in pairs if (shard := _left(plan, *pair, store, cache)).images]
    total = sum(len(dataset.samples) for _, dataset in pairs)
    done = total - sum(len(shard.images) for shard in shards)
    inline = plan.scoring.workers == 0
    shards = yield from add_prompts(shards, plan.prompts, store, cache, inline=inline)
    devices = plan.scoring.devices
    yield StageBegan("restore", total, done)
    for outcome in restore(
        _shared_out(shards, len(devices)), devices, batch_size=plan.batch_size, inline=inline
    ):
        if isinstance(outcome, Restored):
            row = outcome.image
            store.write([row, outcome.timing])
            yield Advanced(f"{row.method} {row.dataset}/{row.image}")
        else:
            store.write([outcome])
            yield ItemFailed(outcome)
    for method in {shard.method.key: shard.method for shard in shards}.values():
        remember_speed(store, cache, method.key, scale=method.card.scale, device=devices[0])


def _left(
    plan: RunPlan, method: Method, dataset: OpenDataset, store: RunStore, cache: ScoreCache
) -> Shard:
    """Return what a method has left to restore of a data set."""
    name, directory = dataset.card.id, RunDirectory(plan.out)
    done = {row.image: row.sha256 for row in store.rows(ImageRow, method=method.key, dataset=name)}

    def is_restored(image: str) -> bool:
        path = directory.image(method.key, name, image)
        return image in done and path.is_file() and cache.sha256(path) == done[image]

    return Shard(
        method=method,
        dataset=name,
        images=tuple(file for file in plan.lr_files(dataset) if not is_restored(file.id)),
        run=plan.out,
        seed=seed_for(plan.seed, name),
    )


def _shared_out(shards: Sequence[Shard], n: int) -> list[list[Shard]]:
    """Cut each shard into at most n parts of nearly equal length: one list for each device."""
    lists: list[list[Shard]] = [[] for _ in range(n)]
    for shard in shards:
        size = max(1, -(-len(shard.images) // n))
        for start, mine in zip(range(0, len(shard.images), size), lists, strict=False):
            mine.append(replace(shard, images=shard.images[start : start + size]))
    return lists


def _image_set(plan: RunPlan, dataset: OpenDataset, store: RunStore) -> ImageSet:
    """Return what the methods made of a data set, as far as the plan asks for it."""
    name, directory = dataset.card.id, RunDirectory(plan.out)
    asked = {sample.id for sample in dataset.samples}
    return ImageSet(
        dataset=name,
        specs=plan.metrics_of(dataset),
        srs={
            method.key: {
                row.image: directory.image(row.method, name, row.image)
                for row in store.rows(ImageRow, dataset=name, method=method.key)
                if row.image in asked
            }
            for method in plan.methods
        },
        hrs={sample.id: sample.hr for sample in dataset.samples if sample.hr},
    )
