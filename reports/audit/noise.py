"""Gaps between ranks that are below what measuring one method twice moves."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from operator import attrgetter

from benchmarks import registry
from reports.audit.model import Entry, Finding, PaperTable, Severity, place
from reports.published.noise import NOISE_FLOOR, too_close

# What a caption says that knows of it: intervals, tests, or the noise itself.
_TOLD = re.compile(r"interval|paired|Holm|repeated measurement", re.IGNORECASE)


def check(tables: Sequence[PaperTable]) -> Iterator[Finding]:
    """Find columns whose first or second place is decided by less than the noise floor."""
    specs = registry.metric_specs()
    for table in tables:
        unranked = table.protocol and all(entry.mark is None for entry in table.entries)
        if unranked or _TOLD.search(table.caption):
            continue
        hidden = table.hidden(marks=False)
        for (dataset, metric, part), entries in table.columns():
            if (dataset, metric, part) in hidden:
                continue
            higher = specs[metric].higher_is_better
            close = too_close(metric, entries, attrgetter("value"), higher_is_better=higher)
            if close:
                yield Finding(
                    check="noise",
                    severity=Severity.WARNING,
                    place=place(table, dataset, entries[0].name, line=close[0][0].line),
                    evidence="; ".join(_show(*pair) for pair in close)
                    + f"; measuring one method again moves {entries[0].name} by up to "
                    f"{NOISE_FLOOR[metric]:g}",
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
