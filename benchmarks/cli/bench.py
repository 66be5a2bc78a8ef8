"""`mfsr-bench bench`: how long, how large, how much memory."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks import console
from benchmarks.cli.machine import devices
from benchmarks.cli.options import Precision
from benchmarks.options import Form, Json, Quiet, split_lists
from benchmarks.tables.write import Format, chosen_format, write

if TYPE_CHECKING:
    from benchmarks.bench.measure import Task
    from benchmarks.bench.rows import BenchFailure, BenchResults, BenchRow
    from benchmarks.tables.model import Document

DEFAULT_METHODS = ("nearest", "bicubic", "lanczos")


class Prompts(StrEnum):
    """What methods that ask for prompts are given."""

    EXTRACTED = "extracted"
    NONE = "none"


_WRITTEN = {
    "bench.md": Format.MARKDOWN,
    "bench.tex": Format.LATEX,
    "bench.csv": Format.CSV,
}


def bench(
    *,
    methods: Annotated[
        list[str] | None,
        typer.Option("--methods", "-m", help="name[@steps][+option=value], as a comma list."),
    ] = None,
    lr_size: Annotated[
        str, typer.Option(metavar="WxH", help="LR pixels, width x height.")
    ] = "128x128",
    batch: Annotated[
        list[str] | None,
        typer.Option(metavar="SIZES", help="Batch sizes, as a comma list. Default: 1."),
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Measured runs.")] = 20,
    warm_up: Annotated[int, typer.Option(min=1, help="Runs before them.")] = 3,
    device: Annotated[
        str | None, typer.Option(help="cpu, cuda or cuda:1. Default: a GPU if any.")
    ] = None,
    dtype: Annotated[Precision | None, typer.Option(help="For the methods that can.")] = None,
    prompts: Annotated[
        Prompts, typer.Option(help="Whether prompts are extracted, as a part of the work.")
    ] = Prompts.EXTRACTED,
    offload: Annotated[
        bool, typer.Option("--offload", help="Keep on the GPU only the part that computes.")
    ] = False,
    form: Form = None,
    columns: Annotated[
        bool, typer.Option("--methods-as-columns", help="Methods side by side, as some papers.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Keep bench.json, .md, .tex and .csv."),
    ] = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Measure latency, throughput, memory, parameters and MACs on this machine.

    Each method and batch size has a process of its own: one that crashes or lacks memory is a
    recorded failure (exit code 1). Into a folder that holds measurements of the same conditions,
    new ones are added; of other conditions, it is refused.
    """
    from benchmarks.bench.plan import Request, conditions, parse_batches, parse_size, prepare
    from benchmarks.bench.rows import BenchResults
    from benchmarks.results.provenance import now

    form = chosen_format(form, None, json=json)
    width, height = parse_size(lr_size)
    request = Request(
        methods=split_lists(methods) or DEFAULT_METHODS,
        width=width,
        height=height,
        batches=parse_batches(split_lists(batch) or ("1",)),
        repeats=repeats,
        warm_up=warm_up,
        device=devices((device,) if device else ())[0],
        dtype=dtype,
        prompts=prompts is Prompts.EXTRACTED,
        offload=offload,
    )
    tasks = prepare(request)
    fresh = BenchResults(conditions=conditions(request), began=now(), load_average=_load_average())
    results = _measure(tasks, fresh, out, quiet=quiet)
    if out:
        _write_tables(out, results, columns=columns)
    write(_tables(results, columns=columns), form)
    raise typer.Exit(1 if results.failures else 0)


def _load_average() -> float | None:
    try:
        return os.getloadavg()[0]
    except OSError:  # not every system tells
        return None


def _measure(
    tasks: list[Task], fresh: BenchResults, out: Path | None, *, quiet: bool
) -> BenchResults:
    """Measure, keep each row as soon as it is there, and return all that the folder holds."""
    from benchmarks.bench import rows
    from benchmarks.bench.joining import join
    from benchmarks.bench.process import measure

    results = fresh
    kept = rows.read(out) if out and (out / rows.FILE).exists() else None
    if kept:
        results = join([kept, fresh])
    for item, facts in measure(tasks):
        fresh.torch = facts or fresh.torch
        fresh.add(item)
        results = join([kept, fresh]) if kept else fresh
        if out:
            rows.write(out, results)
        if not quiet:
            _say(item)
    return results


def _say(item: BenchRow | BenchFailure) -> None:
    from benchmarks.bench.rows import BenchRow

    name = f"{item.method}, batch {item.batch}"
    if not isinstance(item, BenchRow):
        console.say(f"{name}: {item.what} failed: {item.error}: {item.cause}", style="yellow")
    elif item.parts:
        console.say(f"{name}: split into {', '.join(item.parts)}")
    else:
        console.say(f"{name}: {item.median_s:.4g} s, first {item.first_s:.4g} s")


def _tables(results: BenchResults, *, columns: bool) -> Document:
    from benchmarks import registry

    build = registry.load("reports", "efficiency", what="report", see="mfsr-bench doctor")
    tables: Document = build(results, methods_as_columns=columns)
    return tables


def _write_tables(out: Path, results: BenchResults, *, columns: bool) -> None:
    for name, form in _WRITTEN.items():
        write(_tables(results, columns=columns), form, out / name)
