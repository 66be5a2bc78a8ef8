"""bench.json -> the tables: complexity, where the time goes, throughput."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from string import ascii_lowercase
from typing import TYPE_CHECKING

from benchmarks.bench.rows import OTHER, BenchFailure, BenchResults, BenchRow
from reports.efficiency.model import Cell, Grid, significant

if TYPE_CHECKING:
    from benchmarks.bench.rows import Part

# Stage names of restorers and of the harness, as papers name these parts.
_PARTS = {
    "prompt": "Tagger / captioner",
    "text": "Text encoder",
    "vae": "VAE",
    "network": "Network",
    "condition": "Condition",
    OTHER: "Other",
}
_BUSY = 0.25  # of the cores, before anything is measured
_MEMORY = {
    "cuda-allocated": "peak of the tensors on the GPU",
    "rss": "peak of the whole process, Python and torch included",
}


def build(results: BenchResults, *, methods_as_columns: bool = False) -> tuple[Grid, ...]:
    """Return the tables of what was measured; a table with no rows is left out."""
    notes = _Notes(results)
    complexity = _complexity(results, notes)
    if methods_as_columns:
        complexity = complexity.transposed()
    tables = (complexity, _split(results), _throughput(results, notes))
    return tuple(grid for grid in tables if grid.rows)


class _Notes:
    """Letters for the causes of failures, in the order in which they are met."""

    def __init__(self, results: BenchResults) -> None:
        self._failures = {(f.key, f.what): f for f in results.failures}

    def mark(self, key: tuple[str, int], what: str, found: dict[str, str]) -> str:
        """Return the letter of a failure, or nothing; `found` holds the texts of a table so far."""
        failure = self._failures.get((key, what))
        if failure is None:
            return ""
        text = f"{failure.error}: {failure.cause}"
        if text not in found:
            found[text] = ascii_lowercase[len(found) % 26]
        return found[text]


def _complexity(results: BenchResults, notes: _Notes) -> Grid:
    found: dict[str, str] = {}
    rows = []
    for item in _smallest(results):
        failed = isinstance(item, BenchFailure)
        mark = notes.mark(item.key, "latency" if failed else "split", found)
        rows.append(tuple(_complexity_row(item, mark)))
    head = (
        *("Method", "Precision", "Steps", "NFE", "Time (s)", "p90 (s)"),
        *("Memory (GB)", "MACs (G)", "Params (M)"),
    )
    return Grid(
        label="complexity",
        caption=_caption(results),
        words=2,
        head=tuple(Cell(text=text) for text in head),
        rows=tuple(rows),
        footnotes=(*((mark, text) for text, mark in found.items()), *_busy(results)),
    )


def _complexity_row(item: BenchRow | BenchFailure, mark: str) -> Iterator[Cell]:
    yield Cell(text=item.title, mark=mark)
    if isinstance(item, BenchFailure):
        yield from (Cell(text="-") for _ in range(8))
        return
    yield Cell(text=item.dtype)
    yield Cell(text=_count(item.steps))
    yield Cell(text=_count(item.nfe))
    yield Cell(text=significant(item.median_s))
    yield Cell(text=significant(item.p90_s))
    yield Cell(text=significant(item.peak_memory_bytes / 1e9))
    yield Cell(text=significant(_giga(item.macs, item.batch)))
    yield Cell(text=significant(_mega(item.parameters)))


def _split(results: BenchResults) -> Grid:
    rows = []
    for item in _smallest(results):
        if not isinstance(item, BenchRow) or len(item.parts) < 2:
            continue
        whole = sum(part.seconds or 0 for part in item.parts.values())
        ordered = sorted(item.parts.items(), key=lambda named: _order(named[0]))
        for number, (name, part) in enumerate(ordered):
            title = "" if number else item.title
            rows.append(tuple(_split_row(title, name, part, item.batch, whole)))
    head = ("Method", "Part", "Time (s)", "Share (%)", "MACs (G)", "Params (M)")
    caption = (
        "Where the time goes: median per part, with the device synchronised at every border, so "
        "that the sum may exceed the time of the first table. Parameters that an earlier part "
        "uses are not counted again."
    )
    return Grid(
        label="split",
        caption=caption,
        words=2,
        head=tuple(Cell(text=text) for text in head),
        rows=tuple(rows),
    )


def _split_row(title: str, name: str, part: Part, batch: int, whole: float) -> Iterator[Cell]:
    yield Cell(text=title)
    yield Cell(text=_PARTS.get(name, name))
    yield Cell(text=significant(part.seconds))
    yield Cell(text=f"{100 * (part.seconds or 0) / whole:.0f}" if whole else "-")
    yield Cell(text=significant(_giga(part.macs, batch)))
    yield Cell(text=significant(_mega(part.parameters)))


def _order(name: str) -> int:
    names = list(_PARTS)
    return names.index(name) if name in names else names.index(OTHER)


def _throughput(results: BenchResults, notes: _Notes) -> Grid:
    found: dict[str, str] = {}
    rows = []
    if len({item.batch for item in _items(results)}) > 1:
        for items in _by_method(results).values():
            for number, item in enumerate(items):
                failed = isinstance(item, BenchFailure)
                mark = notes.mark(item.key, "latency", found) if failed else ""
                rows.append(tuple(_throughput_row(item, mark, first=number == 0)))
    head = ("Method", "Batch", "Time (s)", "Images/s", "Memory (GB)")
    return Grid(
        label="throughput",
        caption="Throughput by batch size: median time of a batch, images per second, peak memory.",
        words=1,
        head=tuple(Cell(text=text) for text in head),
        rows=tuple(rows),
        footnotes=tuple((mark, text) for text, mark in found.items()),
    )


def _throughput_row(item: BenchRow | BenchFailure, mark: str, *, first: bool) -> Iterator[Cell]:
    yield Cell(text=item.title if first else "")
    yield Cell(text=str(item.batch), mark=mark)
    if isinstance(item, BenchFailure):
        yield from (Cell(text="-") for _ in range(3))
        return
    yield Cell(text=significant(item.median_s))
    yield Cell(text=significant(item.images_per_s))
    yield Cell(text=significant(item.peak_memory_bytes / 1e9))


def _items(results: BenchResults) -> Sequence[BenchRow | BenchFailure]:
    """Return a row or a failure for every method and batch size."""
    return [*results.rows, *(f for f in results.failures if f.what == "latency")]


def _by_method(results: BenchResults) -> dict[str, list[BenchRow | BenchFailure]]:
    found: dict[str, list[BenchRow | BenchFailure]] = {}
    for item in sorted(_items(results), key=lambda item: item.batch):
        found.setdefault(item.method, []).append(item)
    return found


def _smallest(results: BenchResults) -> list[BenchRow | BenchFailure]:
    """Return what there is of every method at the smallest batch size of all."""
    smallest = min((item.batch for item in _items(results)), default=1)
    return [item for item in _items(results) if item.batch == smallest]


def _caption(results: BenchResults) -> str:
    at = results.conditions
    batch = min((item.batch for item in _items(results)), default=1)
    scales = {row.scale for row in results.rows}
    size = f"{at.lr_width} × {at.lr_height} LR images"
    if len(scales) == 1:
        scale = scales.pop()
        size += f" to {scale * at.lr_width} × {scale * at.lr_height}"
    memory = " or ".join(dict.fromkeys(_MEMORY[row.memory] for row in results.rows))
    torch = f"torch {results.torch['version']}" if results.torch else ""
    threads = _threads(results.torch["threads"]) if _on_cpu(results) and torch else ""
    parts = [
        f"Efficiency on {', '.join(filter(None, (at.device_name, threads, torch)))}: {size}, "
        f"batch {batch}{', offloaded' if at.offload else ''}.",
        f"Time: median and 90th percentile of {at.repeats} runs after {at.warm_up}, from LR "
        "tensor to SR tensor, all parts included.",
        f"Memory: {memory}." if memory else "",
        "MACs: per image, of matrix products, convolutions and attention.",
        "Params: those that take part.",
    ]
    return " ".join(filter(None, parts))


def _threads(n: int) -> str:
    return f"{n} thread{'s' if n > 1 else ''}"


def _on_cpu(results: BenchResults) -> bool:
    return results.conditions.device == "cpu"


def _busy(results: BenchResults) -> Iterator[tuple[str, str]]:
    load, cores = results.load_average, results.conditions.machine.get("cores")
    if _on_cpu(results) and load is not None and cores and load > _BUSY * cores:
        yield (
            "",
            f"The machine was busy with other work when measuring began (load average {load:.2f} "
            f"on {cores} cores): times may be too long.",
        )


def _count(value: int | None) -> str:
    return "-" if value is None else str(value)


def _giga(macs: int | None, batch: int) -> float | None:
    """Return MACs of a batch as 10^9 per image."""
    return None if macs is None else macs / batch / 1e9


def _mega(value: int | None) -> float | None:
    return None if value is None else value / 1e6
