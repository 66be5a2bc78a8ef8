"""`mfsr-bench run --plan`: what a run would do, what it lacks, and how long it may take."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from benchmarks import console
from benchmarks.api.images import read_size
from benchmarks.api.weights import size_of, source_of
from benchmarks.results.directory import RunDirectory
from benchmarks.results.speed import device_name

if TYPE_CHECKING:
    from benchmarks.datasets.opening import OpenDataset
    from benchmarks.engine.missing import Missing
    from benchmarks.engine.preflight import Preflight
    from benchmarks.methods import Method
    from benchmarks.results.cache import ScoreCache

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


def show_plan(settled: Preflight, cache: ScoreCache, *, json: bool) -> None:
    """Print the plan on stdout. Nothing is computed, fetched or written."""
    config = settled.config
    sizes = {dataset.card.id: _megapixels(dataset) for dataset in config.datasets}
    lines = [
        _line(method, dataset, sizes[dataset.card.id], config.out, cache, config.devices[0])
        for method in config.methods
        for dataset in config.datasets
    ]
    if json:
        console.print_json(_as_json(settled, lines))
        return
    console.print_table(
        ("method", "data set", "images", "finished", "time left", "disk"),
        [_cells(line) for line in lines],
        title=f"Run {config.out}, {config.protocol.id} ({config.protocol.hash})",
    )
    for metric, reason in config.skipped.items():
        console.out().print(f"{metric}: skipped; {reason}", markup=False)
    if settled.missing:
        console.print_table(
            ("missing", "needed by", "size", "licence", "source", "put it at", "what to do"),
            [
                (
                    item.name,
                    item.needed_by,
                    *_where(item),
                    item.error.remedy,
                )
                for item in settled.missing
            ],
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


def _megapixels(dataset: OpenDataset) -> float:
    return sum(h * w for h, w in (read_size(sample.lr) for sample in dataset.samples)) / 1e6


def _line(
    method: Method,
    dataset: OpenDataset,
    megapixels: float,
    out: Any,
    cache: ScoreCache,
    device: str,
) -> Line:
    directory = RunDirectory(out)
    name = dataset.card.id
    total = len(dataset.samples)
    finished = sum(directory.image(method.key, name, s.id).is_file() for s in dataset.samples)
    left = megapixels * (1 - finished / total) if total else 0.0
    speed = cache.speed(method.key, device_name(device))
    return Line(
        method=method.key,
        dataset=name,
        images=total,
        finished=finished,
        seconds=None if speed is None else speed * left,
        bytes=left * 1e6 * method.card.scale**2 * _BYTES_PER_PIXEL,
    )


def _cells(line: Line) -> tuple[str, ...]:
    return (
        line.method,
        line.dataset,
        str(line.images),
        str(line.finished),
        "not measured yet" if line.seconds is None else _duration(line.seconds),
        console.size(line.bytes),
    )


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _as_json(settled: Preflight, lines: list[Line]) -> dict[str, Any]:
    config = settled.config
    return {
        "run": str(config.out),
        "protocol": config.protocol.id,
        "protocol_hash": config.protocol.hash,
        "plan": [asdict(line) for line in lines],
        "skipped_metrics": dict(config.skipped),
        "missing": [item.as_json() for item in settled.missing],
    }
