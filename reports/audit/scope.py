"""Which rows of a table its marks compare: all of them, those between two rules, or some."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

from benchmarks import registry
from reports.aggregate import ranks
from reports.audit.model import Column, Entry

WITH_MARKS = "among the rows that carry marks"
Ranked = tuple[tuple[Entry, int], ...]  # entries that are compared, with their ranks


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """One way to compare the rows of a table."""

    name: str  # empty for all rows, else as in "ranked within each group of rows"
    sets: tuple[tuple[Column, Ranked], ...]


def scopes(entries: Sequence[Entry], marked: Collection[int]) -> Iterator[Scope]:
    """Yield the ways in which tables are marked, the usual one first.

    Args:
        entries: of a table.
        marked: the places of the rows that carry a mark somewhere.
    """
    yield Scope(name="", sets=_sets(entries))
    for group in (attrgetter("group"), attrgetter("category")):
        if len({group(entry) for entry in entries}) > 1:
            yield Scope(name="within each group of rows", sets=_sets(entries, group))
    for name, places in (
        (
            "among the rows that are not grey or ground truth",
            {e.place for e in entries if not e.muted},
        ),
        (WITH_MARKS, set(marked)),
    ):
        some = [entry for entry in entries if entry.place in places]
        if some and len(some) < len(entries):
            yield Scope(name=name, sets=_sets(some))


def _sets(
    entries: Sequence[Entry], group: Callable[[Entry], object] = lambda _: None
) -> tuple[tuple[Column, Ranked], ...]:
    specs = registry.metric_specs()
    found: dict[tuple[Column, object], list[Entry]] = {}
    for entry in entries:
        found.setdefault((entry.column, group(entry)), []).append(entry)
    sets = []
    for (column, _), compared in found.items():
        values = {i: entry.value for i, entry in enumerate(compared)}
        rank = ranks(values, higher_is_better=specs[column[1]].higher_is_better)
        sets.append((column, tuple((entry, rank[i]) for i, entry in enumerate(compared))))
    return tuple(sets)
