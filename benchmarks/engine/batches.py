"""Which images a worker restores together, and which come again after it has died.

Images of one size are a batch. A worker has several batches at once (it is at one, others wait, and
what it made before is being written), so that its death leaves several images in doubt: they come
again one by one, and the one that kills it alone is the one to blame.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from benchmarks.api.errors import ImageError
from benchmarks.api.images import read_size

if TYPE_CHECKING:
    from benchmarks.api.restorer import LRFile
    from benchmarks.methods import Method

BatchSize = int | Literal["auto"]
Size = tuple[int, int]  # (height, width) of LR images


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
    sizes: tuple[Size | None, ...] = ()  # of the images, where they are restored together


@dataclass(frozen=True, slots=True)
class Batch:
    """Images of a shard, by position; none of them: the method is loaded and begins with `start`.

    That is a task of its own, so that a method that kills its process while it loads is told from
    one that an image kills.
    """

    shard: int
    start: int
    stop: int
    whole: bool = True  # it is answered when all that the worker has is on disk
    sizes: tuple[Size, ...] = ()  # to load: what sizes the largest batch is wanted of

    def __len__(self) -> int:
        return self.stop - self.start


def grouped(shard: Shard, batch_size: BatchSize) -> Shard:
    """Return a shard with images of one size side by side, where they are restored together."""
    if batch_size == 1:
        return shard
    groups: dict[object, list[LRFile]] = {}
    for file in shard.images:
        groups.setdefault(_size(file) or file.id, []).append(file)
    images = tuple(file for group in groups.values() for file in group)
    return replace(shard, images=images, sizes=tuple(_size(file) for file in images))


def _size(file: LRFile) -> Size | None:
    try:
        return read_size(file.path)
    except ImageError:
        return None  # a batch of its own, that fails


def row_of_fits(method: Method) -> str:
    """Return what how many images fit is known by: what decides a method's memory."""
    return method.key + ("+offload" if method.runtime.offload else "")


class Feed:
    """The batches of one worker, in order.

    It is an iterator that may have more after an answer: nothing follows what loads a method, an
    image that comes alone, or the last ones of a shard, before it is known what came of them.
    """

    def __init__(
        self,
        shards: Iterable[tuple[int, Shard]],
        batch_size: BatchSize,
        fits: Mapping[tuple[str, Size], int],
    ) -> None:
        """Take what a worker restores.

        Args:
            shards: numbered, and grouped where images are restored together; workers may share an
                iterator of them.
            batch_size: images at a time; "auto": as many as fit.
            fits: how many fit, by method and size, as far as it is known; looked up when needed.
        """
        self._shards = iter(shards)
        self._batch_size, self._fits = batch_size, fits
        self.at = -1  # the number of the shard that its worker has
        self._shard: Shard | None = None
        self._left: deque[int] = deque()  # positions that come in batches
        self._again: deque[int] = deque()  # those that come alone
        self._under_way: dict[str, int] = {}  # image id -> position, of what the worker has
        self._state: Literal["unloaded", "loading", "loaded"] = "unloaded"
        self._whole = False  # the worker has a batch that nothing follows before its answer

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        if self._state == "loading" or self._whole:
            raise StopIteration
        if not (self._left or self._again or self._under_way):
            self._open()
        if self._state == "unloaded":
            return self._load()
        if self._again and not self._under_way:
            return self._give([self._again.popleft()], whole=True)
        if self._left and not self._again:
            batch = [self._left.popleft() for _ in range(self._length())]
            return self._give(batch, whole=not self._left)
        raise StopIteration

    def _open(self) -> None:
        self.at, self._shard = next(self._shards)
        self._left, self._state = deque(range(len(self._shard.images))), "unloaded"

    def _load(self) -> Batch:
        self._state = "loading"
        start = (self._again or self._left)[0]
        sizes: tuple[Size, ...] = ()
        if self._batch_size == "auto":
            unknown = {self._size(at): None for at in self._left}
            sizes = tuple(size for size in unknown if size and not self._fit(size))
        return Batch(self.at, start, start, sizes=sizes)

    def _length(self) -> int:
        """Return how many images the next batch has."""
        size = self._size(self._left[0])
        fit = self._fit(size)
        if self._batch_size == "auto":
            most = fit or 1
        else:
            most = min(self._batch_size, fit or self._batch_size)
        run = 1
        while run < min(most, len(self._left)) and size and self._size(self._left[run]) == size:
            run += 1
        return run

    def _fit(self, size: Size | None) -> int | None:
        assert self._shard
        return self._fits.get((row_of_fits(self._shard.method), size)) if size else None

    def _size(self, position: int) -> Size | None:
        assert self._shard
        return self._shard.sizes[position] if self._shard.sizes else None

    def _give(self, positions: Sequence[int], *, whole: bool) -> Batch:
        assert self._shard
        self._under_way |= {self._shard.images[at].id: at for at in positions}
        self._whole = whole
        return Batch(self.at, positions[0], positions[-1] + 1, whole=whole)

    def answered(self, batch: Batch, images: Iterable[str]) -> None:
        """Take note of an answer for `batch`, and of the images that the worker is done with.

        What is missing when all was to be on disk was lost with a worker that the pool replaced.
        """
        self._state = "loaded"
        for image in images:
            self._under_way.pop(image, None)
        if batch and batch.whole:
            self._whole = False
            self._again.extend(sorted(self._under_way.values()))
            self._under_way.clear()

    def died(self) -> list[LRFile]:
        """Take note that the worker has died, once or again; return the images that it died of.

        They are all that are left of its shard where it was loading, or the only one that it had.
        """
        assert self._shard
        if self._state == "unloaded":
            return []  # the answer for another of its tasks
        alone = list(self._under_way.values())
        if self._state == "loading":
            alone = [*self._again, *self._left]
            self._again.clear()
            self._left.clear()
        elif len(alone) > 1:
            self._again.extendleft(sorted(alone, reverse=True))
            alone = []
        self._under_way.clear()
        self._state, self._whole = "unloaded", False
        return [self._shard.images[at] for at in alone]
