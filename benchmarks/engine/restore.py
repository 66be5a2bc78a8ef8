"""Restoring: LR files in, PNG files and rows out, in workers that a method may kill.

A task is one batch, so that a worker that dies has named its images. While a worker computes, its
threads read the images that come next, and check, encode and write those before, a few of either:
it waits for neither files nor its parent. What a batch yields depends on the card, the LR files and
the images' seeds alone.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.api.errors import WeightsError
from benchmarks.api.images import sha256_pixels, to_uint8, write_png
from benchmarks.api.restorer import LRBatch, LRFile, Restorer
from benchmarks.api.text import cause_of, one_line
from benchmarks.devices import cores
from benchmarks.engine import pool
from benchmarks.engine.batches import Batch, BatchSize, Feed, Shard, Size, grouped, row_of_fits
from benchmarks.engine.fitting import estimated, free_memory, is_out_of_memory, measured
from benchmarks.engine.streams import Reader, Writer
from benchmarks.results.directory import RunDirectory
from benchmarks.results.rows import FailureRow, ImageRow, TimingRow

if TYPE_CHECKING:
    from torch import Tensor

    from benchmarks.methods import Method
    from benchmarks.plan import Cluster

_STAGE = "restore"
_AHEAD = 2  # tasks that wait at a worker


@dataclass(frozen=True, slots=True)
class Restored:
    """One image is on disk."""

    image: ImageRow
    timing: TimingRow


Outcome = Restored | FailureRow


def restore(
    shards: Sequence[Sequence[Shard]],
    devices: Sequence[str],
    *,
    batch_size: BatchSize = 1,
    fits: dict[tuple[str, Size], int] | None = None,
    inline: bool = False,
    cluster: Cluster | None = None,
    gpus: float = 0.0,
) -> Iterator[Outcome]:
    """Restore everything and yield each image's outcome once.

    Args:
        shards: of each device; on a cluster one list, from which each worker takes the next.
        devices: one worker each.
        batch_size: images at a time, where their sizes agree; "auto": as many as fit.
        fits: how many fit, by method and LR size; what is found out is added.
        inline: restore in this process.
        cluster: where the workers are; None: on this machine.
        gpus: that each of them takes there.

    Raises:
        MFSRBenchError: the run cannot go on (a full disk, weights that cannot be read).
    """
    every = [grouped(shard, batch_size) for mine in shards for shard in mine]
    fits = {} if fits is None else fits
    numbered = [enumerate(every)] * len(devices) if cluster else _numbered(every, shards)
    feeds = [Feed(mine, batch_size, fits) for mine in numbered]
    workers = [
        (partial(_Restoring, device, every), feed)
        for device, feed in zip(devices, feeds, strict=True)
    ]
    done = pool.run(
        workers,
        inline=inline,
        env={} if cluster else _threads(devices),
        ahead=0 if inline else _AHEAD,
        cluster=cluster,
        job=_job(every, gpus) if cluster else None,
    )
    for batch, answer in done:
        shard = every[batch.shard]
        feed = next(feed for feed in feeds if feed.at == batch.shard)
        if isinstance(answer, pool.Died):
            for file in feed.died():
                yield failure(shard, file.id, "WorkerDied", answer.cause)
            continue
        fits |= {(row_of_fits(shard.method), size): n for size, n in answer.fits.items()}
        feed.answered(batch, map(_image, answer.outcomes))
        yield from answer.outcomes


def _numbered(
    every: Sequence[Shard], shards: Sequence[Sequence[Shard]]
) -> list[Iterator[tuple[int, Shard]]]:
    stops = accumulate(len(mine) for mine in shards)
    spans = [range(stop - len(mine), stop) for stop, mine in zip(stops, shards, strict=True)]
    return [((number, every[number]) for number in span) for span in spans]


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


def _reads(shards: Sequence[Shard], batch: Batch, fresh: bool) -> Iterator[Path]:
    """Yield the LR files of a batch; all that are left, if the method looks at them first."""
    shard = shards[batch.shard]
    looks = shard.method.restorer.begin is not Restorer.begin
    begins = looks and (fresh or not batch)
    for file in shard.images[batch.start : None if begins else batch.stop]:
        yield file.path


def _image(outcome: Outcome) -> str:
    return outcome.image.image if isinstance(outcome, Restored) else outcome.image


def _threads(devices: Sequence[str]) -> dict[str, str]:
    """Return the environment in which several workers share the cores."""
    sharing = sum(device == "cpu" for device in devices)
    return {"OMP_NUM_THREADS": str(max(1, cores() // sharing))} if sharing > 1 else {}


@dataclass(frozen=True, slots=True)
class _Answer:
    """What has come of a worker's images since its last answer."""

    outcomes: tuple[Outcome, ...] = ()
    fits: Mapping[Size, int] = field(default_factory=dict)  # images of a size that fit, if new


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
        self._reader = Reader(pinned=device.startswith("cuda"))
        self._writer: Writer[Outcome] = Writer()
        self._fits: dict[Size, int] = {}  # what is new of how many fit
        self._unknown: set[Size] = set()  # of what sizes it is to be measured
        self._finisher = ThreadPoolExecutor(1, "finish")
        self._computed: deque[_Computed] = deque()

    def close(self) -> None:
        """Let go of the loaded method."""
        if self._restorer:
            self._restorer.close()
        self._restorer, self._key = None, ""

    def __call__(self, batch: Batch) -> _Answer:
        """Restore a batch, and say what is on disk by now, of it or of those before.

        Raises:
            ResourceError: the disk is full.
            WeightsError: a weight file cannot be read, whatever the image.
        """
        shard, self._fits = self._shards[batch.shard], {}
        if self._at != batch.shard:
            self._begin(batch.shard, shard.images[batch.start :])
        if not batch and not self._error:
            found = {size: estimated(shard.method, size, self._device) for size in batch.sizes}
            self._fits = {size: n for size, n in found.items() if n}
            self._unknown = found.keys() - self._fits.keys()
        if batch:
            self._restore(shard, batch.start, batch.stop)
        while self._computed and batch.whole:
            self._settle(self._computed.popleft())
        return _Answer(tuple(self._writer.done(whole=batch.whole)), self._fits)

    def _begin(self, number: int, images: Sequence[LRFile]) -> None:
        shard = self._shards[number]
        self._at, self._error = number, None
        self._reader.turn_to(shard.images)
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

    def _restore(self, shard: Shard, start: int, stop: int) -> None:
        """Compute images and have them finished, and settle those before; in parts if need be."""
        error = self._error
        if not error:
            self._writer.wait(stop - start)
            try:
                self._computed.append(self._measured(shard, start, stop))
            except Exception as raised:
                error = raised.with_traceback(None)  # which holds on to the device's memory
        if error:
            self._restore_parts(shard, start, stop, error)
        while len(self._computed) > 1:
            self._settle(self._computed.popleft())

    def _settle(self, one: _Computed) -> None:
        """Have images written that are finished by now, or restored in parts."""
        try:
            sr = one.finished.result()
        except Exception as raised:
            self._restore_parts(one.shard, one.start, one.stop, raised.with_traceback(None))
            return
        for file, image in zip(one.shard.images[one.start : one.stop], sr, strict=True):
            self._writer.put(partial(_save, one.shard, file, image, one.seconds, one.stages))

    def _restore_parts(self, shard: Shard, start: int, stop: int, error: Exception) -> None:
        """Restore parts of what failed as a whole; note the failure of what has none."""
        files = shard.images[start:stop]
        if self._error or len(files) == 1:
            for file in files:
                self._writer.put(partial(_failed, shard, file, error))
        else:
            free_memory()
            part = 1
            if is_out_of_memory(error):
                part = len(files) // 2
                if shard.sizes and (size := shard.sizes[start]):
                    self._fits[size] = part
            for first in range(start, stop, part):
                self._restore(shard, first, min(first + part, stop))

    def _measured(self, shard: Shard, start: int, stop: int) -> _Computed:
        """Compute, and see what memory it takes where that is wanted."""
        size = shard.sizes[start] if shard.sizes else None
        if size not in self._unknown:
            return self._compute(shard, start, stop)
        with measured(self._device, self._fits, size):
            found = self._compute(shard, start, stop)
        self._unknown.discard(size)
        return found

    def _compute(self, shard: Shard, start: int, stop: int) -> _Computed:
        """Restore images up to what another thread finishes."""
        restorer = self._restorer
        assert restorer is not None
        files = shard.images[start:stop]
        prompts = tuple(file.prompt for file in files if file.prompt is not None)
        lr = LRBatch(
            images=self._reader.take(start, stop),
            ids=tuple(file.id for file in files),
            seeds=tuple(file.seed for file in files),
            dataset=shard.dataset,
            prompts=prompts or None,
        )
        begun = time.perf_counter()
        sr = restorer.compute(lr, steps=shard.method.steps)
        restorer.synchronise()
        seconds = (time.perf_counter() - begun) / len(files) + self._share
        stages = {name: value / len(files) for name, value in restorer.pop_stages().items()}
        finished = self._finisher.submit(_finish, restorer, lr, sr)
        return _Computed(shard, start, stop, finished, seconds, stages)


@dataclass(frozen=True, slots=True)
class _Computed:
    """Images that a method is done with."""

    shard: Shard
    start: int
    stop: int
    finished: Future[Tensor]  # (B, 3, H, W) on the CPU
    seconds: float  # per image
    stages: dict[str, float]  # seconds per image


def _finish(restorer: Restorer, lr: LRBatch, sr: Tensor) -> Tensor:
    """Check images and bring them from the device, beside what it computes next."""
    import torch

    device = restorer.runtime.device
    if not device.startswith("cuda"):
        return restorer.finish(lr, sr)
    beside = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]  # torch's own
    with torch.cuda.stream(beside):
        return restorer.finish(lr, sr)


def _save(
    shard: Shard, file: LRFile, image: Tensor, seconds: float, stages: dict[str, float]
) -> Restored:
    sr = to_uint8(image)
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
