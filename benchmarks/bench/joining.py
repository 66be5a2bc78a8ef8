"""Measurements of several days in one table: only where they were made under one condition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from benchmarks.api.errors import ConflictError

if TYPE_CHECKING:
    from benchmarks.bench.rows import BenchResults


def join(several: Sequence[BenchResults]) -> BenchResults:
    """Return all rows together; of one measurement that was made twice, the later one.

    Raises:
        ConflictError: machine, packages, settings or image size differ: times of these are never
            put beside each other.
    """
    first, *others = several
    joined = replace(first, rows=list(first.rows), failures=list(first.failures))
    for other in others:
        different = list(_differences(joined, other))
        if different:
            raise ConflictError(
                f"These were measured under other conditions: {'; '.join(different)}.",
                "Keep them apart: another --out, or one table each.",
            )
        for row in other.rows:
            joined.add(row)
        for failure in other.failures:
            joined.add(failure)
        joined.torch = joined.torch or other.torch
        joined.load_average = max(
            (one for one in (joined.load_average, other.load_average) if one is not None),
            default=None,
        )
    return joined


def _differences(one: BenchResults, other: BenchResults) -> Iterator[str]:
    yield from _unequal(one.conditions.comparable(), other.conditions.comparable(), "")
    if one.torch and other.torch:  # unknown where nothing could be measured
        yield from _unequal(one.torch, other.torch, "torch ")


def _unequal(one: dict[str, Any], other: dict[str, Any], prefix: str) -> Iterator[str]:
    for name in dict.fromkeys([*one, *other]):
        mine, theirs = one.get(name), other.get(name)
        if mine == theirs:
            continue
        if isinstance(mine, dict) and isinstance(theirs, dict):
            yield from _unequal(mine, theirs, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name} ({mine}, {theirs})"
