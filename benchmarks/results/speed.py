"""How fast methods ran on this machine: what `run --plan` estimates with."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from benchmarks.results.provenance import gpus, machine
from benchmarks.results.rows import ImageRow, TimingRow

if TYPE_CHECKING:
    from benchmarks.results.cache import ScoreCache
    from benchmarks.results.store import RunStore


def device_name(device: str) -> str:
    """Return the hardware behind a torch device name, as far as it is known without torch."""
    if device.startswith("cuda"):
        index = int(device.partition(":")[2] or 0)
        names = gpus()
        return names[index] if index < len(names) else device
    facts = machine()
    return f"{facts['cpu']}, {facts['cores']} cores" if device == "cpu" else device


def remember_speed(
    store: RunStore, cache: ScoreCache, method: str, *, scale: int, device: str
) -> None:
    """Keep the median seconds per LR megapixel of a method over the images of a run."""
    seconds = {
        (row.dataset, row.image): row.seconds for row in store.rows(TimingRow, method=method)
    }
    found = [
        seconds[row.dataset, row.image] / (row.width * row.height / scale**2 / 1e6)
        for row in store.rows(ImageRow, method=method)
        if (row.dataset, row.image) in seconds
    ]
    if found:
        cache.add_speed(method, device_name(device), median(found))
