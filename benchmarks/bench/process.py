"""Measuring in processes: a fresh one for every task, one after the other.

No method finds what another one left (memory, caches, compiled kernels), peak memory is one task's
own, and a crash or a lack of memory costs one measurement and is recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from benchmarks.bench.measure import Measuring, Split, Task, Timed, Unmeasured
from benchmarks.bench.rows import BenchFailure, BenchRow
from benchmarks.engine import pool

Found = tuple[BenchRow | BenchFailure, dict[str, Any]]


def measure(tasks: Iterable[Task], *, inline: bool = False) -> Iterator[Found]:
    """Yield rows and failures as they are found, each with what torch said of itself.

    A row comes again when its parts are known.

    Args:
        tasks: what to measure.
        inline: measure in this process, for debugging: memory is then that of all together.
    """
    for task in tasks:
        yield from _measure(task, inline=inline)


def _measure(task: Task, *, inline: bool) -> Iterator[Found]:
    row: BenchRow | None = None
    facts: dict[str, Any] = {}
    for event in pool.run([task], [Measuring], inline=inline):
        if isinstance(event, pool.Died):
            what = "split" if row else "latency"
            yield _failure(task, Unmeasured(what=what, error="Died", cause=event.cause)), facts
        if not isinstance(event, pool.Message):
            continue
        found: Timed | Split | Unmeasured = event.payload
        if isinstance(found, Unmeasured):
            yield _failure(task, found), facts
            continue
        if isinstance(found, Timed):
            row, facts = _row(task, found), found.torch
        elif row is not None:
            row = replace(
                row, parts=found.parts, macs=found.macs or None, parameters=found.parameters
            )
        if row is not None:
            yield row, facts


def _row(task: Task, timed: Timed) -> BenchRow:
    method, card = task.method, task.method.card
    return BenchRow(
        method=method.key,
        title=method.title,
        batch=task.batch,
        scale=card.scale,
        steps=method.steps,
        nfe=None if method.steps is None else method.steps * card.nfe_per_step,
        dtype=method.runtime.dtype or card.dtypes[0],
        seconds=timed.seconds,
        load_s=timed.load_s,
        first_s=timed.first_s,
        peak_memory_bytes=timed.peak_memory_bytes,
        start_memory_bytes=timed.start_memory_bytes,
        reserved_bytes=timed.reserved_bytes,
        memory=timed.memory,
    )


def _failure(task: Task, found: Unmeasured) -> BenchFailure:
    return BenchFailure(
        method=task.method.key,
        title=task.method.title,
        batch=task.batch,
        what=found.what,
        error=found.error,
        cause=" ".join(found.cause.split()),
    )
