"""What a worker's threads do while it computes: read the images that come, write those that were.

Both are bounded, so that memory is flat however fast or slow the method is. Threads are enough:
decoding, encoding and hashing let go of Python's lock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Generic, TypeVar

from benchmarks.api.errors import ImageError
from benchmarks.api.images import read_rgb, to_tensor
from benchmarks.devices import cores

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from benchmarks.api.restorer import LRFile

T = TypeVar("T")
_READERS = 2
_WRITERS = min(4, max(2, cores()))  # threads
_LEAST = 2  # images that are read ahead, or may wait to be written, whatever the batch


class Reader:
    """LR images of a shard, read before their batch comes."""

    def __init__(self, *, pinned: bool) -> None:
        """Start nothing yet; `pinned`: for a GPU, which copies from pinned memory directly."""
        self._pinned = pinned
        self._pool = ThreadPoolExecutor(_READERS, "read")
        self._images: Sequence[LRFile] = ()
        self._read: dict[int, Future[Tensor]] = {}

    def turn_to(self, images: Sequence[LRFile]) -> None:
        """Read these from now on."""
        self._images, self._read = images, {}

    def take(self, start: int, stop: int) -> Tensor:
        """Return images (B, 3, h, w) in [0, 1], and begin to read those behind them.

        Raises:
            ImageError: one of them cannot be read.
        """
        import torch

        last = min(stop + max(_LEAST, stop - start), len(self._images))
        found = {at: self._read.get(at) or self._begin(at) for at in range(start, last)}
        self._read = {at: image for at, image in found.items() if at >= stop}
        images = torch.stack([self._finished(at, found[at]) for at in range(start, stop)])
        return images.pin_memory() if self._pinned else images

    def _begin(self, position: int) -> Future[Tensor]:
        return self._pool.submit(_image, self._images[position].path)

    def _finished(self, position: int, image: Future[Tensor]) -> Tensor:
        try:
            return image.result()
        except ImageError:  # it was read too early: its file may have come with its batch
            return _image(self._images[position].path)


def _image(path: Path) -> Tensor:
    return to_tensor(read_rgb(path))


class Writer(Generic[T]):
    """What has to be done with images after they were computed, and what came of it, in order."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_WRITERS, "write")
        self._given: deque[Future[T]] = deque()

    def put(self, work: Callable[[], T]) -> None:
        """Have a piece of work done."""
        self._given.append(self._pool.submit(work))

    def wait(self, n: int) -> None:
        """Wait until as few are left that n more may come."""
        left = {one for one in self._given if not one.done()}
        while len(left) > max(_LEAST, n):
            _, left = wait(left, return_when=FIRST_COMPLETED)

    def done(self, *, whole: bool) -> Iterator[T]:
        """Yield what has come of the work since the last call; `whole`: of all, wait for it.

        Raises:
            ResourceError: the disk is full.
        """
        while self._given and (whole or self._given[0].done()):
            yield self._given.popleft().result()
