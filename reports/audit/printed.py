"""How numbers are printed: decimals, and columns that nobody looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from reports.audit.model import Entry, Finding, PaperTable, Severity, place

_UNROUNDED = 6  # decimals: values of a program, not of a paper
_SHOWN = 3  # cells that are named


def check(tables: Sequence[PaperTable]) -> Iterator[Finding]:
    """Find columns with mixed decimals, and say which columns were not audited."""
    for table in tables:
        yield from _mixed_decimals(table)
        yield from _unread(table)
        if table.left_out:
            yield Finding(
                check="printed",
                severity=Severity.NOTE,
                place=place(table),
                evidence=f"not audited: {', '.join(table.left_out)}",
                remedy="Metrics are known by the names of: mfsr-bench list metrics",
            )


def _unread(table: PaperTable) -> Iterator[Finding]:
    """Say what of a table is not understood, and of how many columns nothing is said therefore."""
    for numbers in (True, False):
        found = [one for one in table.unread if one.numbers == numbers]
        if not found:
            continue
        hidden = frozenset().union(*(one.columns for one in found))
        what = "; ".join(dict.fromkeys(one.what for one in found[:_SHOWN]))
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        verdict = f": no verdict on the ranks of {len(hidden)} columns" if hidden else ""
        yield Finding(
            check="unread",
            severity=Severity.WARNING if hidden else Severity.NOTE,
            place=place(table, line=found[0].line),
            evidence=f"not understood: {what}{more}{verdict}",
            remedy="Look at these cells."
            if numbers
            else "Give the file that defines the marks too, or say in the caption what they are.",
        )


def _mixed_decimals(table: PaperTable) -> Iterator[Finding]:
    if any(entry.decimals > _UNROUNDED for entry in table.entries):
        return
    by_metric: dict[str, list[Entry]] = {}
    for entry in table.entries:
        if entry.quoted:
            continue  # as its source printed it
        by_metric.setdefault(entry.metric, []).append(entry)
    for entries in by_metric.values():
        usual, _ = Counter(entry.decimals for entry in entries).most_common(1)[0]
        odd = [entry for entry in entries if entry.decimals != usual]
        if odd:
            more = f" and {len(odd) - _SHOWN} more" if len(odd) > _SHOWN else ""
            cells = ", ".join(
                f"{' '.join(filter(None, [e.dataset, e.row]))} {e.text}" for e in odd[:_SHOWN]
            )
            rest = len(entries) - len(odd)
            yield Finding(
                check="printed",
                severity=Severity.WARNING,
                place=place(table, entries[0].name, line=odd[0].line),
                evidence=f"{cells}{more}; the other {rest} have {usual} decimals",
                remedy=f"Print {usual} decimals everywhere, zeros at the end included.",
            )
