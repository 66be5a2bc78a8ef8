"""How many images of a size a device restores at once: `--batch-size auto`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.engine.batches import Size
    from benchmarks.methods import Method

_MOST = 64  # images; more gain nothing
_SHARE = 0.9  # of the device's memory: the allocator rounds up, and leaves gaps


def estimated(method: Method, size: Size, device: str) -> int | None:
    """Return how many fit by what the method estimates; None if it cannot tell.

    On a CPU that is one: images side by side share its cores, and gain nothing.
    """
    room = _room(device)
    if room is None:
        return 1
    one, two = (
        method.restorer.memory_estimate(method.runtime, size, batch=batch) for batch in (1, 2)
    )
    return None if one is None or two is None else _fitting(room, one, two - one)


@contextmanager
def measured(device: str, fits: dict[Size, int], size: Size | None) -> Iterator[None]:
    """Add to `fits` how many fit by what one image takes, which is restored inside."""
    room = _room(device)
    if room is None or size is None:
        yield
        return
    import torch

    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    yield
    peak = torch.cuda.max_memory_allocated(device)
    fits[size] = _fitting(room, peak, peak - before)


def _fitting(room: int, one: int, each: int) -> int:
    """Return how many fit into `room` bytes, where the first takes `one` and more take `each`."""
    more = int((_SHARE * room - one) // max(1, each))
    return max(1, min(_MOST, 1 + more))


def _room(device: str) -> int | None:
    """Return the bytes of a GPU that are free or this process's own; None on a CPU."""
    if not device.startswith("cuda"):
        return None
    import torch

    free, _ = torch.cuda.mem_get_info(device)
    return int(free) + torch.cuda.memory_reserved(device)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether a computation failed because it was too large."""
    import torch

    return isinstance(error, torch.OutOfMemoryError | MemoryError)


def free_memory() -> None:
    """Give back what a failed batch left on the device."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
