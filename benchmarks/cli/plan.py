"""`mfsr-bench run --plan`: what a run would do, what is missing, and how long it may take."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from benchmarks import console
from benchmarks.api.images import read_size
from benchmarks.api.weights import size_of, source_of
from benchmarks.results.directory import RunDirectory
from benchmarks.results.speed import device_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.datasets.opening import OpenDataset
    from benchmarks.methods import Method
    from benchmarks.missing import Missing
    from benchmarks.plan import RunPlan
    from benchmarks.results.cache import ScoreCache
    from benchmarks.settle import Settled

_BYTES_PER_PIXEL = 1.9  # of a photograph saved as 8-bit PNG: the mean over RealSR's 100 HR images


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One method on one data set."""

    method: str
    dataset: str
    images: int
    finished: int
    seconds: float | None  # for what is left, at the speed last measured here; None if never
    bytes: float  # of the results that are left to write
    gpu_bytes: int | None  # GPU memory at its peak, for the largest image; None if unknown


def show_plan(settled: Settled[RunPlan], cache: ScoreCache, *, json: bool) -> None:
    """Print the plan on stdout. Nothing is computed, fetched or written."""
    plan = settled.plan
    sizes = {dataset.card.id: _sizes(dataset) for dataset in plan.datasets}
    lines = [
        _line(method, dataset, sizes[dataset.card.id], plan, cache)
        for method in plan.methods
        for dataset in plan.datasets
    ]
    if json:
        console.print_json(_as_json(settled, lines))
        return
    console.print_table(
        ("method", "data set", "images", "finished", "time left", "disk", "GPU memory"),
        [_cells(line) for line in lines],
        title=f"Run {plan.out}, {plan.scoring.protocol.id} ({plan.scoring.protocol.hash})",
    )
    for dataset in plan.datasets:
        for note in dataset.notes:
            console.out().print(f"{dataset.card.id}: {note}", markup=False)
    for metric, reason in plan.scoring.skipped.items():
        console.out().print(f"{metric}: skipped; {reason}", markup=False)
    for what, items in (("missing", settled.missing), ("would also need", settled.skipped)):
        if items:
            console.print_table(
                (what, "needed by", "size", "licence", "source", "put it at", "what to do"),
                [(one.name, one.needed_by, *_where(one), one.error.remedy) for one in items],
            )


def _where(item: Missing) -> tuple[str, ...]:
    """Return size, licence, source and place of what is missing, as far as they are known."""
    if item.status is None:
        return ("", "", "", "")
    weight = item.status.weight
    size = size_of(weight)
    return (
        console.size(size) if size else "?",
        weight.licence,
        source_of(weight),
        str(item.status.place),
    )


def _sizes(dataset: OpenDataset) -> list[tuple[int, int]]:
    return [read_size(sample.lr) for sample in dataset.samples]


def _line(
    method: Method,
    dataset: OpenDataset,
    sizes: Sequence[tuple[int, int]],
    plan: RunPlan,
    cache: ScoreCache,
) -> Line:
    directory = RunDirectory(plan.out)
    name = dataset.card.id
    total = len(dataset.samples)
    finished = sum(directory.image(method.key, name, s.id).is_file() for s in dataset.samples)
    megapixels = sum(height * width for height, width in sizes) / 1e6
    left = megapixels * (1 - finished / total) if total else 0.0
    speed = cache.speed(method.key, device_name(plan.scoring.devices[0]))
    largest = max(sizes, key=lambda size: size[0] * size[1], default=(0, 0))
    return Line(
        method=method.key,
        dataset=name,
        images=total,
        finished=finished,
        seconds=None if speed is None else speed * left,
        bytes=left * 1e6 * method.card.scale**2 * _BYTES_PER_PIXEL,
        gpu_bytes=method.restorer.memory_estimate(
            method.runtime, largest, batch=1 if plan.batch_size == "auto" else plan.batch_size
        ),
    )


def _cells(line: Line) -> tuple[str, ...]:
    return (
        line.method,
        line.dataset,
        str(line.images),
        str(line.finished),
        "not measured yet" if line.seconds is None else _duration(line.seconds),
        console.size(line.bytes),
        "not estimated" if line.gpu_bytes is None else console.size(line.gpu_bytes),
    )


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _as_json(settled: Settled[RunPlan], lines: list[Line]) -> dict[str, Any]:
    plan = settled.plan
    return {
        "run": str(plan.out),
        "protocol": plan.scoring.protocol.id,
        "protocol_hash": plan.scoring.protocol.hash,
        "plan": [asdict(line) for line in lines],
        "notes": {dataset.card.id: list(dataset.notes) for dataset in plan.datasets},
        "skipped_metrics": dict(plan.scoring.skipped),
        "missing": [item.as_json() for item in settled.missing],
        "skipped": [item.as_json() for item in settled.skipped],
    }
