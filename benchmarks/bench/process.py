"""Measuring in processes: a fresh one for every task, one after the other.

No method finds what another one left (memory, caches, compiled kernels), peak memory is one task's
own, and a crash or a lack of memory costs one measurement and is recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.api.text import one_line
from benchmarks.bench.measure import Case, Measuring, Timed, Unmeasured, What
from benchmarks.bench.rows import BenchFailure, BenchRow
from benchmarks.engine import pool

if TYPE_CHECKING:
    from benchmarks.plan import Cluster

Found = tuple[BenchRow | BenchFailure, dict[str, Any]]


def measure(
    cases: Iterable[Case], *, inline: bool = False, cluster: Cluster | None = None
) -> Iterator[Found]:
    """Yield rows and failures as they are found, each with what torch said of itself.

    A row comes again when its parts are known.

    Args:
        cases: what to measure.
        inline: measure in this process, for debugging: memory is then that of all together.
        cluster: of the one node to measure on; None: this machine.
    """
    for case in cases:
        yield from _measure(case, inline, cluster)


def _measure(case: Case, inline: bool, cluster: Cluster | None) -> Iterator[Found]:
    row: BenchRow | None = None
    facts: dict[str, Any] = {}

    def parts() -> Iterator[What]:
        yield "latency"
        if case.split and row:
            yield "split"

    worker = (partial(Measuring, case), parts())
    gpus = float(case.method.runtime.device.startswith("cuda"))
    job = pool.Job(name=f"bench {case.method.key}", gpus=gpus, whole=True)
    for what, found in pool.run([worker], inline=inline, cluster=cluster, job=job):
        if isinstance(found, pool.Died):
            yield _failure(case, Unmeasured(what=what, error="Died", cause=found.cause)), facts
        elif isinstance(found, Unmeasured):
            yield _failure(case, found), facts
        elif isinstance(found, Timed):
            row, facts = _row(case, found), found.torch
            yield row, facts
        elif row:
            macs, parameters = found.macs or None, found.parameters
            yield replace(row, parts=found.parts, macs=macs, parameters=parameters), facts


def _row(case: Case, timed: Timed) -> BenchRow:
    method, card = case.method, case.method.card
    return BenchRow(
        method=method.key,
        title=method.title,
        batch=case.batch,
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


def _failure(case: Case, found: Unmeasured) -> BenchFailure:
    return BenchFailure(
        method=case.method.key,
        title=case.method.title,
        batch=case.batch,
        what=found.what,
        error=found.error,
        cause=one_line(found.cause),
    )
