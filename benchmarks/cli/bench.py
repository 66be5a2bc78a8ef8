"""`mfsr-bench bench`: how long, how large, how much memory."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks import console
from benchmarks.cli.command import command
from benchmarks.options import Form, Json, Quiet
from benchmarks.request import BenchRequest
from benchmarks.tables.write import Format, chosen_format, write

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.bench.rows import BenchFailure, BenchResults, BenchRow
    from benchmarks.bench.settle import BenchPlan
    from benchmarks.tables.model import Document

_WRITTEN = {
    "bench.md": Format.MARKDOWN,
    "bench.tex": Format.LATEX,
    "bench.csv": Format.CSV,
}


@command(BenchRequest)
def bench(
    request: BenchRequest,
    *,
    form: Form = None,
    columns: Annotated[
        bool,
        typer.Option("--methods-as-columns", help="One column per method."),
    ] = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Measure latency, throughput, memory, parameters and MACs on this machine.

    Each method and batch size has a process of its own: one that crashes or runs out of memory is a
    recorded failure (exit code 1). Into a folder that holds measurements of the same conditions,
    new ones are added; of other conditions, it is refused.

    Examples:
        mfsr-bench bench -m bicubic,mfsr-tiny
        mfsr-bench bench -m osediff,tsdsr --dtype fp16 -o bench/a100
    """
    from benchmarks.bench.settle import settle_bench
    from benchmarks.engine.nodes import connection
    from benchmarks.results.cache import ScoreCache
    from benchmarks.settle import settled

    form = chosen_format(form, None, json=json)
    with connection(request.engine):
        plan = settled(lambda: settle_bench(request, ScoreCache()))
        results = _measure(plan, request.out, quiet=quiet)
    if request.out:
        _write_tables(request.out, results, columns=columns)
    write(_tables(results, columns=columns), form)
    raise typer.Exit(1 if results.failures else 0)


def _load_average() -> float | None:
    try:
        return os.getloadavg()[0]
    except OSError:  # not every system tells
        return None


def _measure(plan: BenchPlan, out: Path | None, *, quiet: bool) -> BenchResults:
    """Measure, keep each row as soon as it is there, and return all that the folder holds."""
    from benchmarks.bench import process, rows
    from benchmarks.bench.joining import join
    from benchmarks.results.provenance import now

    fresh = rows.BenchResults(conditions=plan.conditions, began=now(), load_average=_load_average())
    results = fresh
    kept = rows.read(out) if out and (out / rows.FILE).exists() else None
    if kept:
        results = join([kept, fresh])
    for item, facts in process.measure(plan.cases, cluster=plan.cluster):
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
