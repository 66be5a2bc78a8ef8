"""The run: prompts, restoring, scoring, sets of scores, files for people. One screen.

It is a generator of events, and what it says is done is done for good. The same plan again does
what is missing and nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from benchmarks.api.errors import DataError, ImageError
from benchmarks.api.images import read_rgb, read_size, sha256_pixels
from benchmarks.api.seeds import seed_for
from benchmarks.engine.batches import BatchSize, Shard, Size
from benchmarks.engine.events import (
    Advanced,
    Completed,
    Event,
    ItemFailed,
    Loading,
    Noted,
    StageBegan,
)
from benchmarks.engine.prompts import add_prompts
from benchmarks.engine.restore import Outcome, Restored, restore
from benchmarks.engine.score import Ledger, score_images
from benchmarks.engine.score_sets import score_sets
from benchmarks.plan import ImageSet
from benchmarks.results.directory import RunDirectory
from benchmarks.results.export import export
from benchmarks.results.provenance import tool
from benchmarks.results.rows import FailureRow, ImageRow, ScoreRow, SetScoreRow
from benchmarks.results.session import session
from benchmarks.results.speed import device_name, remember_speed
from benchmarks.results.store import RunStore

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.datasets.opening import OpenDataset
    from benchmarks.methods import Method
    from benchmarks.plan import Cluster, RunPlan, ScorePlan
    from benchmarks.results.cache import ScoreCache

_PIECES = 4  # of a data set for each worker of a cluster
_LONGEST = 256  # images of a piece


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
            restored=store.methods(),
            skipped_metrics=dict(plan.scoring.skipped),
            printed=plan.printed,
            blanks=dict(plan.blanks),
            tool=tool(),
            shard=plan.shard,
        )
        opened = {dataset.card.id: dataset.spec for dataset in plan.datasets}
        facts = {"request": plan.asked, "datasets": opened, **_nodes(plan)}
        with session(plan.out, **facts) as ending:
            try:
                for metric, versions in outdated.items():
                    if store.forget(metric):
                        yield Noted(f"{metric} is computed anew: {versions}.")
                left = yield from _restore(plan, store, cache)
                before = _scores(store)
                sets = [_image_set(plan, dataset, store) for dataset in plan.datasets]
                ledger = Ledger(store, cache, plan.scoring.versions)
                yield from score_images(sets, plan.scoring, ledger)
                yield from score_sets(sets, plan.scoring, ledger, whole=not plan.shard)
                failures = sum(1 for _ in store.rows(FailureRow))
                ending["exit_code"] = 1 if failures else 0
                idle = not (left or failures) and _scores(store) == before
                images = sum(len(srs) for one in sets for srs in one.srs.values())
                yield Completed(plan.out, failures, (images, before) if idle else None)
            finally:
                export(store, plan.out)


def _scores(store: RunStore) -> int:
    return sum(1 for _ in store.rows(ScoreRow)) + sum(1 for _ in store.rows(SetScoreRow))


def _nodes(plan: RunPlan) -> dict[str, Any]:
    """Return what is written down of the cluster that a run was made on."""
    cluster = plan.scoring.cluster
    return {"nodes": {node.name: node.facts for node in cluster.nodes}} if cluster else {}


def score(plan: ScorePlan, store: RunStore, cache: ScoreCache) -> Iterator[Event]:
    """Do the part of a run that is left where the images exist already.

    Raises:
        MFSRBenchError: no image can be scored on this machine.
    """
    ledger = Ledger(store, cache, plan.scoring.versions)
    yield from score_images([plan.images], plan.scoring, ledger)
    yield from score_sets([plan.images], plan.scoring, ledger)


def _restore(plan: RunPlan, store: RunStore, cache: ScoreCache) -> Generator[Event, None, int]:
    """Restore what is not there, a method at a time, so that each is loaded once.

    Returns:
        How many images that were.
    """
    pairs = [(method, dataset) for method in plan.methods for dataset in plan.datasets]
    shards = [shard for pair in pairs if (shard := _left(plan, *pair, store, cache)).images]
    total = sum(len(dataset.samples) for _, dataset in pairs)
    done = total - sum(len(shard.images) for shard in shards)
    shards = yield from add_prompts(shards, plan.prompts, store, cache, plan.scoring)
    yield StageBegan("restore", total, done)
    with cache.fits(_hardware(plan), auto=plan.batch_size == "auto") as fits:
        yield from _recorded(_outcomes(plan, shards, fits), store, shards)
    if plan.scoring.cluster:
        return total - done
    device = plan.scoring.devices[0]
    for method in {shard.method.key: shard.method for shard in shards}.values():
        remember_speed(store, cache, method.key, scale=method.card.scale, device=device)
    return total - done


def _hardware(plan: RunPlan) -> str:
    """Return what restores: the device here, or the GPUs of a cluster."""
    cluster = plan.scoring.cluster
    if not cluster:
        return device_name(plan.scoring.devices[0])
    gpus = {gpu for node in cluster.nodes for gpu in node.facts.get("machine", {}).get("gpus", ())}
    return ", ".join(sorted(gpus)) or "cpu"


def _recorded(
    outcomes: Iterator[Outcome], store: RunStore, shards: Sequence[Shard]
) -> Iterator[Event]:
    """Write down what came of images, and say it, and which method is loaded next."""
    left: Counter[str] = Counter()
    for shard in shards:
        left[shard.method.key] += len(shard.images)
    if left:
        yield Loading(next(iter(left)))
    for outcome in outcomes:
        if isinstance(outcome, Restored):
            row = outcome.image
            store.write([row, outcome.timing])
            yield Advanced(f"{row.method} {row.dataset}/{row.image}")
        else:
            store.write([outcome])
            yield ItemFailed(outcome)
        method = outcome.image.method if isinstance(outcome, Restored) else outcome.method
        left[method] -= 1
        others = [key for key, n in left.items() if n > 0]
        if left[method] == 0 and others:
            yield Loading(others[0])


def _outcomes(
    plan: RunPlan, shards: Sequence[Shard], fits: dict[tuple[str, Size], int]
) -> Iterator[Outcome]:
    """Restore shards: all at once here, or a method at a time on the nodes of a cluster."""
    devices, cluster = plan.scoring.devices, plan.scoring.cluster
    if not cluster:
        mine = _shared_out(shards, len(devices))
        inline = plan.scoring.workers == 0
        yield from restore(mine, devices, batch_size=plan.batch_size, fits=fits, inline=inline)
        return
    for method in {shard.method.key: shard.method for shard in shards}.values():
        whole = [shard for shard in shards if shard.method == method]
        if not method.restorer.computes:  # it reads what lies on this machine
            yield from restore([whole], ["cpu"], batch_size=plan.batch_size)
            continue
        gpus = _share(method, whole, plan, cluster) if devices[0] != "cpu" else 0.0
        n = cluster.places(gpus=gpus, whole=True)
        yield from restore(
            [_pieces(whole, n, plan.batch_size)],
            devices[:1] * n,
            batch_size=plan.batch_size,
            fits=fits,
            cluster=cluster,
            gpus=gpus,
        )


def _share(method: Method, shards: Sequence[Shard], plan: RunPlan, cluster: Cluster) -> float:
    """Return which part of a GPU a method gets."""
    if plan.batch_size == "auto":  # as many images as fill it
        return 1.0
    sizes = (read_size(file.path) for shard in shards for file in shard.images)
    try:
        largest = max(sizes, key=lambda size: size[0] * size[1], default=(0, 0))
    except ImageError:  # which its own task will say
        return 1.0
    need = method.restorer.memory_estimate(method.runtime, largest, batch=plan.batch_size)
    return cluster.share(need)


def _pieces(shards: Sequence[Shard], n: int, batch_size: BatchSize) -> list[Shard]:
    """Cut shards into pieces, so that n workers end at about the same time."""
    found, whole = [], 1 if batch_size == "auto" else batch_size
    for shard in shards:
        even = -(-len(shard.images) // (n * _PIECES))
        size = min(_LONGEST, -(-even // whole) * whole)
        starts = range(0, len(shard.images), max(1, size))
        found += [replace(shard, images=shard.images[at : at + size]) for at in starts]
    return found


def _left(
    plan: RunPlan, method: Method, dataset: OpenDataset, store: RunStore, cache: ScoreCache
) -> Shard:
    """Return what a method has left to restore of a data set."""
    name, directory = dataset.card.id, RunDirectory(plan.out)
    done = {row.image: row for row in store.rows(ImageRow, method=method.key, dataset=name)}

    def is_restored(image: str) -> bool:
        path = directory.image(method.key, name, image)
        return image in done and _is_that_of(done[image], path, cache)

    return Shard(
        method=method,
        dataset=name,
        images=tuple(file for file in plan.lr_files(dataset) if not is_restored(file.id)),
        run=plan.out,
        seed=seed_for(plan.seed, name),
    )


def _is_that_of(row: ImageRow, path: Path, cache: ScoreCache) -> bool:
    """Return whether a file is the one that was written, or another one of the same pixels."""
    try:
        if cache.sha256(path) == row.sha256:
            return True
        return bool(row.sha256_pixels) and sha256_pixels(read_rgb(path)) == row.sha256_pixels
    except DataError:  # it is not there, or no image
        return False


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
