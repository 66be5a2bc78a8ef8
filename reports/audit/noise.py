"""Gaps between ranks that are below what measuring one method twice moves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from benchmarks import registry
from reports.audit.model import Entry, Finding, PaperTable, Severity, place
from reports.published.noise import NOISE_FLOOR

_ROUNDING = 1e-9  # of decimal numbers in binary
_RANKED = 3  # the gap to the third decides who is second


def check(tables: Sequence[PaperTable]) -> Iterator[Finding]:
    """Find columns whose first or second place is decided by less than the noise floor."""
    specs = registry.metric_specs()
    for table in tables:
        for dataset, metric, entries in table.columns():
            floor = NOISE_FLOOR.get(metric)
            if floor is None:
                continue
            higher = specs[metric].higher_is_better
            top = sorted(entries, key=lambda entry: entry.value, reverse=higher)[:_RANKED]
            close = [pair for pair in pairwise(top) if 0 < _gap(*pair) <= floor + _ROUNDING]
            if close:
                yield Finding(
                    check="noise",
                    severity=Severity.WARNING,
                    place=place(table, dataset, entries[0].name, line=close[0][0].line),
                    evidence="; ".join(_show(*pair) for pair in close)
                    + f"; measuring one method again moves {entries[0].name} by up to {floor:g}",
                    remedy="Say that they tie, or show paired tests: "
                    "mfsr-bench report table RUN --highlight tied",
                )


def _gap(first: Entry, second: Entry) -> float:
    return abs(first.value - second.value)


def _show(first: Entry, second: Entry) -> str:
    decimals = max(first.decimals, second.decimals)
    return (
        f"{first.row} {first.text} and {second.row} {second.text} "
        f"are {_gap(first, second):.{decimals}f} apart"
    )
