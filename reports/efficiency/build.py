"""bench.json -> the tables: complexity, where the time goes, throughput."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from string import ascii_lowercase
from typing import TYPE_CHECKING

from benchmarks.bench.rows import OTHER, BenchFailure, BenchResults, BenchRow, as_json
from benchmarks.tables.model import Cell, Column, Document, Footnote, Group, Row, Table
from benchmarks.tables.text import significant

if TYPE_CHECKING:
    from benchmarks.bench.rows import Part
    from benchmarks.tables.model import Scalar

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


def build(results: BenchResults, *, methods_as_columns: bool = False) -> Document:
    """Return the tables of what was measured, without those that would have no rows.

    Args:
        results: the measurements.
        methods_as_columns: the complexity table with methods side by side.
    """
    notes = _Notes(results)
    complexity = _complexity(results, notes)
    if methods_as_columns:
        complexity = _transposed(complexity)
    tables = (complexity, _split(results), _throughput(results, notes))
    return Document(
        tables=tuple(table for table in tables if table.rows),
        records=_records(results),
        data=as_json(results),
    )


class _Notes:
    """Letters for the causes of failures, in the order in which they are met."""

    def __init__(self, results: BenchResults) -> None:
        self._failures = {(f.key, f.what): f for f in results.failures}

    def mark(self, key: tuple[str, int], what: str, found: dict[str, str]) -> tuple[str, ...]:
        """Return the letter of a failure, or nothing; `found` holds the texts of a table so far."""
        failure = self._failures.get((key, what))
        if failure is None:
            return ()
        text = f"{failure.error}: {failure.cause}"
        return (found.setdefault(text, ascii_lowercase[len(found) % 26]),)


def _table(
    label: str,
    caption: str,
    head: Sequence[str],
    groups: Iterable[Sequence[Sequence[Cell]]],
    *,
    words: int = 1,
    footnotes: Sequence[Footnote] = (),
) -> Table:
    """Return a table whose first columns are words, and the others numbers."""
    return Table(
        label=label,
        caption=caption,
        columns=tuple(Column(title=text, numeric=i >= words) for i, text in enumerate(head)),
        groups=tuple(
            Group(rows=tuple(Row(cells=tuple(cells)) for cells in rows)) for rows in groups
        ),
        footnotes=tuple(footnotes),
    )


def _transposed(table: Table) -> Table:
    """Return a table with its rows as columns: methods side by side."""
    names, *quantities = zip(*(row.cells for row in table.rows), strict=True)
    columns = [Column(title=one.text, numeric=True, notes=one.notes) for one in names]
    rows = [
        Row(cells=(Cell(text=column.title), *values))
        for column, values in zip(table.columns[1:], quantities, strict=True)
    ]
    return replace(table, columns=(table.columns[0], *columns), groups=(Group(rows=tuple(rows)),))


def _complexity(results: BenchResults, notes: _Notes) -> Table:
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
    footnotes = [*_footnotes(found), *_busy(results)]
    groups = [rows] if rows else []
    return _table("complexity", _caption(results), head, groups, words=2, footnotes=footnotes)


def _footnotes(found: Mapping[str, str]) -> Iterator[Footnote]:
    return (Footnote(mark=mark, text=text) for text, mark in found.items())


def _complexity_row(item: BenchRow | BenchFailure, notes: tuple[str, ...]) -> Iterator[Cell]:
    yield Cell(text=item.title, notes=notes)
    if isinstance(item, BenchFailure):
        yield from (Cell() for _ in range(8))
        return
    yield Cell(text=item.dtype)
    yield Cell(text=_count(item.steps))
    yield Cell(text=_count(item.nfe))
    yield _number(item.median_s)
    yield _number(item.p90_s)
    yield _number(item.peak_memory_bytes / 1e9)
    yield _number(_giga(item.macs, item.batch))
    yield _number(_mega(item.parameters))


def _split(results: BenchResults) -> Table:
    groups = []
    for item in _smallest(results):
        if not isinstance(item, BenchRow) or len(item.parts) < 2:
            continue
        whole = sum(part.seconds or 0 for part in item.parts.values())
        ordered = sorted(item.parts.items(), key=lambda named: _order(named[0]))
        titles = [item.title, *[""] * len(ordered)]
        groups.append(
            [
                tuple(_split_row(title, name, part, item.batch, whole))
                for title, (name, part) in zip(titles, ordered, strict=False)
            ]
        )
    head = ("Method", "Part", "Time (s)", "Share (%)", "MACs (G)", "Params (M)")
    caption = (
        "Where the time goes: median per part, with the device synchronised at every border, so "
        "that the sum may exceed the time of the first table. Parameters that an earlier part "
        "uses are not counted again."
    )
    return _table("split", caption, head, groups, words=2)


def _split_row(title: str, name: str, part: Part, batch: int, whole: float) -> Iterator[Cell]:
    yield Cell(text=title)
    yield Cell(text=_PARTS.get(name, name))
    yield _number(part.seconds)
    yield Cell(text=f"{100 * (part.seconds or 0) / whole:.0f}" if whole else "-")
    yield _number(_giga(part.macs, batch))
    yield _number(_mega(part.parameters))


def _order(name: str) -> int:
    names = list(_PARTS)
    return names.index(name) if name in names else names.index(OTHER)


def _throughput(results: BenchResults, notes: _Notes) -> Table:
    found: dict[str, str] = {}
    groups = []
    if len({item.batch for item in _items(results)}) > 1:
        for items in _by_method(results).values():
            titles = [items[0].title, *[""] * len(items)]
            groups.append(
                [
                    tuple(_throughput_row(title, item, notes.mark(item.key, "latency", found)))
                    for title, item in zip(titles, items, strict=False)
                ]
            )
    head = ("Method", "Batch", "Time (s)", "Images/s", "Memory (GB)")
    caption = "Throughput by batch size: median time of a batch, images per second, peak memory."
    return _table("throughput", caption, head, groups, footnotes=[*_footnotes(found)])


def _throughput_row(
    title: str, item: BenchRow | BenchFailure, notes: tuple[str, ...]
) -> Iterator[Cell]:
    yield Cell(text=title)
    yield Cell(text=str(item.batch), notes=notes)
    if isinstance(item, BenchFailure):
        yield from (Cell() for _ in range(3))
        return
    yield _number(item.median_s)
    yield _number(item.images_per_s)
    yield _number(item.peak_memory_bytes / 1e9)


def _number(value: float | None) -> Cell:
    return Cell(text=significant(value), value=value)


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


def _busy(results: BenchResults) -> Iterator[Footnote]:
    load, cores = results.load_average, results.conditions.machine.get("cores")
    if _on_cpu(results) and load is not None and cores and load > _BUSY * cores:
        yield Footnote(
            text="The machine was busy with other work when measuring began (load average "
            f"{load:.2f} on {cores} cores): times may be too long."
        )


def _count(value: int | None) -> str:
    return "-" if value is None else str(value)


def _giga(macs: int | None, batch: int) -> float | None:
    """Return MACs of a batch as 10^9 per image."""
    return None if macs is None else macs / batch / 1e9


def _mega(value: int | None) -> float | None:
    return None if value is None else value / 1e6


def _records(results: BenchResults) -> list[dict[str, Scalar]]:
    """Return one record per method and batch size, unrounded; failures have no values."""
    at = results.conditions
    parts = dict.fromkeys(name for row in results.rows for name in row.parts)
    shared: dict[str, Scalar] = {
        **{name: getattr(at, name) for name in ("lr_width", "lr_height", "device", "device_name")},
        "torch": results.torch.get("version", ""),
        **{name: getattr(at, name) for name in ("warm_up", "repeats", "offload")},
    }
    found = [{**_record(row, parts), **shared} for row in results.rows]
    found += [
        {
            **{name: getattr(failure, name) for name in ("method", "title", "batch")},
            "failure": f"{failure.what}: {failure.error}: {failure.cause}",
            **shared,
        }
        for failure in results.failures
    ]
    return found


def _record(row: BenchRow, parts: Iterable[str]) -> dict[str, Scalar]:
    names = (
        *("method", "title", "batch", "scale", "steps", "nfe", "dtype"),
        *("median_s", "p90_s", "images_per_s", "first_s", "load_s"),
        *("peak_memory_bytes", "memory", "reserved_bytes", "start_memory_bytes"),
        *("parameters", "macs"),
    )
    facts: dict[str, Scalar] = {name: getattr(row, name) for name in names}
    for name in parts:
        part = row.parts.get(name)
        for what in ("seconds", "macs", "parameters"):
            facts[f"{name}:{what}"] = getattr(part, what) if part else None
    return {**facts, "failure": ""}
