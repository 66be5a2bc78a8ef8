"""Restoring: LR files in, PNG files and rows out, in workers that a method may kill.

A task is one batch, so that a worker that dies has named its images. What a batch yields depends on
the card, the LR files and the images' seeds alone.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import accumulate, groupby
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.api.errors import ImageError, WeightsError
from benchmarks.api.images import (
    read_rgb,
    read_size,
    sha256_pixels,
    to_tensor,
    to_uint8,
    write_png,
)
from benchmarks.api.restorer import LRBatch, LRFile, Restorer
from benchmarks.api.text import cause_of, one_line
from benchmarks.engine import pool
from benchmarks.results.directory import RunDirectory
from benchmarks.results.rows import FailureRow, ImageRow, TimingRow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from benchmarks.methods import Method
    from benchmarks.plan import Cluster

_STAGE = "restore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """Images of one data set for one method, in the order in which one worker restores them."""

    method: Method
    dataset: str
    images: tuple[LRFile, ...]
    run: Path  # the run directory
    seed: int  # the stream of the data set
    prompt_seconds: Mapping[str, float] = field(
        default_factory=dict
    )  # by image id, part of its time


@dataclass(frozen=True, slots=True)
class Restored:
    """One image is on disk."""

    image: ImageRow
    timing: TimingRow


Outcome = Restored | FailureRow


@dataclass(frozen=True, slots=True)
class _Batch:
    """Images of a shard, by position; none of them: the method is loaded and begins with `start`.

    That is a task of its own, so that a method that kills its process while it loads is told from
    one that an image kills.
    """

    shard: int
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


def restore(
    shards: Sequence[Sequence[Shard]],
    devices: Sequence[str],
    *,
    batch_size: int = 1,
    inline: bool = False,
    cluster: Cluster | None = None,
    gpus: float = 0.0,
) -> Iterator[Outcome]:
    """Restore everything and yield each image's outcome once.

    Args:
        shards: of each device; on a cluster one list, from which each worker takes the next.
        devices: one worker each.
        batch_size: images at a time, where their sizes agree.
        inline: restore in this process.
        cluster: where the workers are; None: on this machine.
        gpus: that each of them takes there.

    Raises:
        MFSRBenchError: the run cannot go on (a full disk, weights that cannot be read).
    """
    every = [shard for mine in shards for shard in mine]
    killed: dict[_Batch, pool.Died] = {}
    workers = []
    numbered = [enumerate(every)] * len(devices) if cluster else _numbered(shards)
    for device, mine in zip(devices, numbered, strict=True):
        workers.append((partial(_Restoring, device, every), _batches(mine, batch_size, killed)))
    job = _job(every, gpus) if cluster else None
    for batch, answer in pool.run(workers, inline=inline, cluster=cluster, job=job):
        if isinstance(answer, pool.Died):
            killed[batch] = answer
            yield from _blamed(every[batch.shard], batch, answer.cause)
        else:
            yield from answer


def _numbered(shards: Sequence[Sequence[Shard]]) -> list[Iterator[tuple[int, Shard]]]:
    starts = accumulate((len(mine) for mine in shards), initial=0)
    return [enumerate(mine, start=first) for first, mine in zip(starts, shards, strict=False)]


def _job(shards: Sequence[Shard], gpus: float) -> pool.Job:
    """Return what other machines have to know of restoring these shards."""
    methods = dict.fromkeys(shard.method.key for shard in shards)
    datasets = dict.fromkeys(shard.dataset for shard in shards)
    return pool.Job(
        name=f"{', '.join(methods)} on {', '.join(datasets)}",
        reads=partial(_reads, shards),
        out=shards[0].run if shards else None,
        gpus=gpus,
        whole=True,
    )


def _reads(shards: Sequence[Shard], batch: _Batch, fresh: bool) -> Iterator[Path]:
    """Yield the LR files of a batch; all that are left, if the method looks at them first."""
    shard = shards[batch.shard]
    looks = shard.method.restorer.begin is not Restorer.begin
    begins = looks and (fresh or not batch)
    for file in shard.images[batch.start : None if begins else batch.stop]:
        yield file.path


def _batches(
    shards: Iterator[tuple[int, Shard]], batch_size: int, killed: Mapping[_Batch, pool.Died]
) -> Iterator[_Batch]:
    """Yield a worker's tasks; images of a batch that killed it come again, one by one."""
    for number, shard in shards:
        left = deque(_Batch(number, a, b) for a, b in _runs(shard.images, batch_size))
        loaded = False
        while left:
            if not loaded:
                loading = _Batch(number, left[0].start, left[0].start)
                yield loading
                if loading in killed:
                    break
                loaded = True
            batch = left.popleft()
            yield batch
            if batch in killed:
                loaded = False
                if len(batch) > 1:
                    singles = range(batch.start, batch.stop)
                    left.extendleft(_Batch(number, i, i + 1) for i in reversed(singles))


def _runs(images: Sequence[LRFile], batch_size: int) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) of neighbours of one size, at most a batch long."""
    start = 0
    sizes = groupby(images, _size) if batch_size > 1 else ((None, [image]) for image in images)
    for _, equal in sizes:
        stop = start + len(list(equal))
        for first in range(start, stop, batch_size):
            yield first, min(first + batch_size, stop)
        start = stop


def _size(file: LRFile) -> tuple[int, int] | str:
    try:
        return read_size(file.path)
    except ImageError:
        return file.id  # a batch of its own, that fails


def _blamed(shard: Shard, batch: _Batch, cause: str) -> Iterator[FailureRow]:
    """Yield the failures of a dead worker: of all that are left if it was loading, or of one."""
    images = shard.images[batch.start :] if not batch else shard.images[batch.start : batch.stop]
    if len(batch) <= 1:
        for file in images:
            yield failure(shard, file.id, "WorkerDied", cause)


class _Restoring:
    """Restores batches in a worker, on one device; keeps the last method loaded."""

    def __init__(self, device: str, shards: Sequence[Shard]) -> None:
        self._device = device
        self._shards = shards
        self._key = ""
        self._restorer: Restorer | None = None
        self._at = -1  # the shard that has begun
        self._share = 0.0  # seconds that beginning it took, per image
        self._error: Exception | None = None  # why it did not begin

    def close(self) -> None:
        """Let go of the loaded method."""
        if self._restorer:
            self._restorer.close()
        self._restorer, self._key = None, ""

    def __call__(self, batch: _Batch) -> tuple[Outcome, ...]:
        """Restore a batch, or image by image where it fails as a whole.

        Raises:
            ResourceError: the disk is full.
            WeightsError: a weight file cannot be read, whatever the image.
        """
        shard = self._shards[batch.shard]
        if self._at != batch.shard:
            self._begin(batch.shard, shard.images[batch.start :])
        files = shard.images[batch.start : batch.stop]
        if self._error:
            return tuple(_failed(shard, file, self._error) for file in files)
        if not files:
            return ()
        try:
            sr, seconds, stages = self._restore(shard, files)
        except Exception as error:
            _free_memory()
            if len(files) == 1:
                return (_failed(shard, files[0], error),)
        else:
            return tuple(
                _save(shard, file, to_uint8(one), seconds, stages)
                for file, one in zip(files, sr, strict=True)
            )
        singles = (_Batch(batch.shard, i, i + 1) for i in range(batch.start, batch.stop))
        return tuple(outcome for one in singles for outcome in self(one))

    def _begin(self, number: int, images: Sequence[LRFile]) -> None:
        shard = self._shards[number]
        self._at, self._error = number, None
        try:
            restorer = self._load(shard.method)
            start = time.perf_counter()
            restorer.begin(shard.dataset, images, seed=shard.seed)
            self._share = (time.perf_counter() - start) / max(1, len(images))
        except WeightsError:
            raise
        except Exception as error:
            self._error = error

    def _load(self, method: Method) -> Restorer:
        if self._restorer is None or self._key != method.key:
            self.close()
            self._restorer = method.restorer.load(replace(method.runtime, device=self._device))
            self._key = method.key
        return self._restorer

    def _restore(
        self, shard: Shard, files: Sequence[LRFile]
    ) -> tuple[Tensor, float, dict[str, float]]:
        """Return SR images (B, 3, H, W), and seconds per image: in all, and by stage."""
        assert self._restorer is not None
        lr = _as_lr_batch(shard, files)
        start = time.perf_counter()
        sr = self._restorer.restore(lr, steps=shard.method.steps)
        seconds = (time.perf_counter() - start) / len(files) + self._share
        stages = self._restorer.pop_stages()
        return sr, seconds, {name: value / len(files) for name, value in stages.items()}


def _as_lr_batch(shard: Shard, files: Sequence[LRFile]) -> LRBatch:
    import torch

    prompts = tuple(file.prompt for file in files if file.prompt is not None)
    return LRBatch(
        images=torch.stack([to_tensor(read_rgb(file.path)) for file in files]),
        ids=tuple(file.id for file in files),
        seeds=tuple(file.seed for file in files),
        dataset=shard.dataset,
        prompts=prompts or None,
    )


def _save(
    shard: Shard, file: LRFile, sr: NDArray[np.uint8], seconds: float, stages: dict[str, float]
) -> Restored:
    key = {"dataset": shard.dataset, "method": shard.method.key, "image": file.id}
    path = RunDirectory(shard.run).image(shard.method.key, shard.dataset, file.id)
    sha256, pixels = write_png(path, sr, sync=False), sha256_pixels(sr)
    height, width = sr.shape[:2]
    if file.id in shard.prompt_seconds:
        stages = {"prompt": shard.prompt_seconds[file.id], **stages}
        seconds += stages["prompt"]
    return Restored(
        ImageRow(
            **key,
            sha256=sha256,
            width=width,
            height=height,
            seed=file.seed,
            sha256_pixels=pixels,
        ),
        TimingRow(**key, seconds=seconds, stages=stages),
    )


def _failed(shard: Shard, file: LRFile, error: Exception) -> FailureRow:
    return failure(shard, file.id, type(error).__name__, cause_of(error))


def failure(shard: Shard, image: str, error: str, cause: str) -> FailureRow:
    """Return the row that records that an image was not restored."""
    return FailureRow(
        dataset=shard.dataset,
        method=shard.method.key,
        image=image,
        stage=_STAGE,
        metric="",
        error=error,
        cause=one_line(cause),
    )


def _free_memory() -> None:
    """Give back what a failed batch left on the device."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
