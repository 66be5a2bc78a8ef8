"""`mfsr-bench run --plan`: what a run would do, what is missing, and how long it may take."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from benchmarks import console
from benchmarks.api.images import read_size
from benchmarks.api.weights import size_of
from benchmarks.console import duration
from benchmarks.results.directory import RunDirectory
from benchmarks.results.speed import device_name
from benchmarks.tables.model import Cell, Column, Document, Footnote, Table, cells, listing
from benchmarks.tables.write import Format, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.datasets.opening import OpenDataset
    from benchmarks.methods import Method
    from benchmarks.missing import Missing
    from benchmarks.plan import RunPlan
    from benchmarks.results.cache import ScoreCache
    from benchmarks.settle import Settled

_FETCH = "Run: mfsr-bench weights fetch"
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


def show_plan(settled: Settled[RunPlan], cache: ScoreCache, form: Format) -> None:
    """Print the plan on stdout. Nothing is computed, fetched or written."""
    plan = settled.plan
    sizes = {dataset.card.id: _sizes(dataset) for dataset in plan.datasets}
    lines = [
        _line(method, dataset, sizes[dataset.card.id], plan, cache)
        for method in plan.methods
        for dataset in plan.datasets
    ]
    tables = [_work(plan, lines)]
    nodes = [one for one in settled.missing if one.what == "node"]
    if nodes:
        tables.append(_unfit(nodes))
    here = [one for one in settled.missing if one.what != "node"]
    for what, items in (("missing", here), ("would also need", settled.skipped)):
        if items:
            tables.append(_lacking(what, items))
    document = Document(
        tables=tuple(tables),
        records=[asdict(line) for line in lines],
        data=_as_json(settled, lines),
    )
    write(document, form)


def _work(plan: RunPlan, lines: Sequence[Line]) -> Table:
    numbers = ("left", "time", "disk", "GPU memory")
    columns: list[Column | str] = ["method", "data set"]
    columns += [Column(title=title, numeric=True) for title in numbers]
    told = [
        f"Run {plan.out}, protocol {plan.scoring.protocol.id} ({plan.scoring.protocol.hash}).",
        *(f"{one.card.id}: {note}." for one in plan.datasets for note in one.notes),
        *(f"{metric}: skipped; {why}." for metric, why in plan.scoring.skipped.items()),
    ]
    table = listing(columns, [_cells(line) for line in lines])
    return replace(table, footnotes=tuple(Footnote(text=text) for text in told))


def _lacking(what: str, items: Sequence[Missing]) -> Table:
    columns: list[Column | str] = [what, "for", Column(title="size", numeric=True), "licence"]
    rows = [(one.name, one.needed_by, *_known(one)) for one in items]
    told = [Footnote(text=text) for text in _remedies(items)]
    return replace(listing(columns, rows), footnotes=tuple(told))


def _unfit(items: Sequence[Missing]) -> Table:
    """Return what nodes of a cluster lack."""
    rows = [(one.name, one.needed_by, one.error.cause) for one in items]
    told = dict.fromkeys(one.error.remedy for one in items)
    table = listing(["node: lacks", "for", "what is there"], rows)
    return replace(table, footnotes=tuple(Footnote(text=text) for text in told))


def _known(item: Missing) -> tuple[Cell, str]:
    """Return size and licence of what is missing, as far as they are known."""
    if item.status is None:
        return Cell(), ""
    bytes_ = size_of(item.status.weight)
    size = Cell(text=console.size(bytes_), value=bytes_) if bytes_ else Cell()
    return size, item.status.weight.licence.removeprefix("LicenseRef-")


def _remedies(items: Sequence[Missing]) -> list[str]:
    """Return what to do: one command for all that can be fetched, and the rest by itself."""
    fetched = [one for one in items if one.status and one.error.remedy.startswith(_FETCH)]
    owners = ",".join(dict.fromkeys(one.needed_by for one in fetched))
    others = dict.fromkeys(one.error.remedy for one in items if one not in fetched)
    return [*([f"{_FETCH} {owners}"] if owners else []), *others]


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


def _cells(line: Line) -> tuple[Cell, ...]:
    left = line.images - line.finished
    return (
        *cells(line.method, line.dataset),
        Cell(text=f"{left} of {line.images}", value=left),
        Cell() if line.seconds is None else Cell(text=duration(line.seconds), value=line.seconds),
        Cell(text=console.size(line.bytes), value=line.bytes),
        Cell()
        if line.gpu_bytes is None
        else Cell(text=console.size(line.gpu_bytes), value=line.gpu_bytes),
    )


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
