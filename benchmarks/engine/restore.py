"""Restoring: LR files in, PNG files and rows out, in workers that a method may kill.

A shard is a pure, idempotent task: images of one data set for one method. What it yields depends on
the card, the LR file and the image's seed alone.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.api.errors import MFSRBenchError, ResourceError
from benchmarks.api.images import first_line, read_rgb, to_tensor, to_uint8, write_png
from benchmarks.api.restorer import LRBatch, LRFile, Restorer
from benchmarks.engine import pool
from benchmarks.results.directory import RunDirectory
from benchmarks.results.rows import FailureRow, ImageRow, TimingRow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from benchmarks.methods import Method

_STAGE = "restore"
LRImage = tuple[LRFile, "NDArray[np.uint8]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """Images of one data set for one method, in the order they are restored."""

    method: Method
    dataset: str
    images: tuple[LRFile, ...]
    run: Path  # the run directory
    seed: int  # the stream of the data set
    batch_size: int = 1
    prompts: Mapping[str, str] | None = None  # by image id
    prompt_seconds: Mapping[str, float] = field(
        default_factory=dict
    )  # by image id, part of its time

    def images_with_prompts(self) -> tuple[LRFile, ...]:
        """Return the images, each with its prompt where there are prompts."""
        if self.prompts is None:
            return self.images
        return tuple(replace(file, prompt=self.prompts[file.id]) for file in self.images)


@dataclass(frozen=True, slots=True)
class Began:
    """These images are being restored now: if the worker dies, it is with them."""

    images: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Restored:
    """One image is on disk."""

    image: ImageRow
    timing: TimingRow


@dataclass(frozen=True, slots=True)
class Failed:
    """One image could not be restored; the run goes on."""

    failure: FailureRow


@dataclass(frozen=True, slots=True)
class Stopped:
    """The run cannot go on (a full disk)."""

    error: MFSRBenchError


Report = Began | Restored | Failed | Stopped


class RestoreHandler:
    """Restores shards in a worker, on one device; keeps the last method loaded."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._key = ""
        self._restorer: Restorer | None = None

    def close(self) -> None:
        """Let go of the loaded method."""
        if self._restorer:
            self._restorer.close()
        self._restorer = None

    def __call__(self, shard: Shard) -> Iterator[Report]:
        """Restore a shard, image by image or batch by batch."""
        start = time.perf_counter()
        try:
            restorer = self._load(shard.method)
            start = time.perf_counter()
            restorer.begin(shard.dataset, shard.images_with_prompts(), seed=shard.seed)
        except Exception as error:
            for image in shard.images:
                yield _failed(shard, image.id, error)
            return
        share = (time.perf_counter() - start) / max(1, len(shard.images))
        for batch in _batches(shard):
            if isinstance(batch, Failed):
                yield batch
                continue
            yield Began(tuple(file.id for file, _ in batch))
            yield from self._restore(restorer, shard, batch, share)

    def _load(self, method: Method) -> Restorer:
        if self._restorer is None or self._key != method.key:
            self.close()
            runtime = replace(method.runtime, device=self._device)
            self._restorer = method.restorer.load(runtime)
            self._key = method.key
        return self._restorer

    def _restore(
        self, restorer: Restorer, shard: Shard, batch: Sequence[LRImage], share: float
    ) -> Iterator[Report]:
        try:
            start = time.perf_counter()
            sr = restorer.restore(_as_lr_batch(shard, batch), steps=shard.method.steps)
            seconds = (time.perf_counter() - start) / len(batch) + share
        except Exception as error:
            _free_memory()
            if len(batch) == 1:
                yield _failed(shard, batch[0][0].id, error)
                return
            for image in batch:  # one of them is at fault: find it
                yield from self._restore(restorer, shard, [image], share)
            return
        stages = {name: value / len(batch) for name, value in restorer.pop_stages().items()}
        for (file, _), image in zip(batch, sr, strict=True):
            yield _save(shard, file, image, seconds, stages)


def _batches(shard: Shard) -> Iterator[list[LRImage] | Failed]:
    """Yield runs of images of one size, at most a batch long, and failures to read one."""
    batch: list[LRImage] = []
    for file in shard.images:
        try:
            lr = read_rgb(file.path)
        except MFSRBenchError as error:
            yield _failed(shard, file.id, error)
            continue
        if batch and (len(batch) == shard.batch_size or batch[0][1].shape != lr.shape):
            yield batch
            batch = []
        batch.append((file, lr))
    if batch:
        yield batch


def _as_lr_batch(shard: Shard, batch: Sequence[LRImage]) -> LRBatch:
    import torch

    files = [file for file, _ in batch]
    return LRBatch(
        images=torch.stack([to_tensor(lr) for _, lr in batch]),
        ids=tuple(file.id for file in files),
        seeds=tuple(file.seed for file in files),
        dataset=shard.dataset,
        prompts=tuple(shard.prompts[f.id] for f in files) if shard.prompts is not None else None,
    )


def _save(
    shard: Shard, file: LRFile, sr: Tensor, seconds: float, stages: dict[str, float]
) -> Report:
    key = {"dataset": shard.dataset, "method": shard.method.key, "image": file.id}
    image = to_uint8(sr)
    try:
        path = RunDirectory(shard.run).image(shard.method.key, shard.dataset, file.id)
        sha256 = write_png(path, image)
    except ResourceError as error:
        return Stopped(error)
    height, width = image.shape[:2]
    if file.id in shard.prompt_seconds:
        stages = {"prompt": shard.prompt_seconds[file.id], **stages}
        seconds += stages["prompt"]
    return Restored(
        ImageRow(**key, sha256=sha256, width=width, height=height, seed=file.seed),
        TimingRow(**key, seconds=seconds, stages=stages),
    )


def _failed(shard: Shard, image: str, error: Exception) -> Failed:
    cause = error.cause if isinstance(error, MFSRBenchError) else first_line(error)
    return Failed(failure(shard, image, type(error).__name__, cause))


def failure(shard: Shard, image: str, error: str, cause: str) -> FailureRow:
    """Return the row that records that an image was not restored."""
    return FailureRow(
        dataset=shard.dataset,
        method=shard.method.key,
        image=image,
        stage=_STAGE,
        metric="",
        error=error,
        cause=" ".join(cause.split()),
    )


def _free_memory() -> None:
    """Give back what a failed batch left on the device."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()


class Restoration:
    """The parent's side: hands out shards, and what a dead worker left undone again."""

    def __init__(self, shards: Sequence[Shard]) -> None:
        self._queue = deque(shards)
        self._running: dict[int, tuple[set[str], tuple[str, ...]]] = {}

    def __iter__(self) -> Restoration:
        return self

    def __next__(self) -> Shard:
        """Take the next shard; more may come after the last one, when a worker dies."""
        if not self._queue:
            raise StopIteration
        return self._queue.popleft()

    def reports(self, devices: Sequence[str], *, inline: bool = False) -> Iterator[Report]:
        """Restore everything, one worker per device, and yield each image's outcome once.

        Raises:
            MFSRBenchError: the run cannot go on.
        """
        handlers = [partial(RestoreHandler, device) for device in devices]
        for event in pool.run(self, handlers, inline=inline):
            done, at = self._running.get(id(event.task), (set(), ()))
            if isinstance(event, pool.Message):
                report: Report = event.payload
                if isinstance(report, Stopped):
                    raise report.error
                if isinstance(report, Began):
                    at = report.images
                else:
                    row = report.image if isinstance(report, Restored) else report.failure
                    done.add(row.image)
                    yield report
                self._running[id(event.task)] = (done, at)
                continue
            self._running.pop(id(event.task), None)
            if isinstance(event, pool.Died):
                yield from self._after_death(event, done, tuple(i for i in at if i not in done))

    def _after_death(
        self, event: pool.Died[Shard], done: set[str], at: tuple[str, ...]
    ) -> Iterator[Report]:
        shard = event.task
        left = tuple(file for file in shard.images if file.id not in done)
        # None begun: loading itself kills, for every image alike. One begun: it is at fault.
        blamed = at if len(at) == 1 else () if at else tuple(file.id for file in left)
        for image in blamed:
            yield Failed(failure(shard, image, "WorkerDied", event.cause))
        suspects = tuple(file for file in left if file.id in at and file.id not in blamed)
        rest = tuple(file for file in left if file.id not in at and file.id not in blamed)
        if rest:
            self._queue.appendleft(replace(shard, images=rest))
        if suspects:
            self._queue.appendleft(replace(shard, images=suspects, batch_size=1))
