"""Which values a table marks as best and second, against which ones are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from benchmarks import registry
from reports.aggregate import ranks
from reports.audit.model import Entry, Finding, Mark, PaperTable, Severity, place

_FEWEST = 3  # values of a column: the second of two is the last
_RANKS: Mapping[Mark, tuple[int, ...]] = {"best": (1,), "second": (2,), "marked": (1, 2)}
_MARK_OF: Mapping[int, Mark] = {1: "best", 2: "second"}
_WORDS: Mapping[Mark, str] = {
    "": "not marked",
    "best": "marked best",
    "second": "marked second",
    "marked": "marked",
}
Ranked = Sequence[tuple[Entry, int]]  # the entries of a column with their ranks


def check(tables: Sequence[PaperTable]) -> Iterator[Finding]:
    """Find columns whose marks are not on the best and second-best printed values.

    Values that print alike may differ unrounded, so any of them may carry the mark.
    """
    specs = registry.metric_specs()
    for table in tables:
        for dataset, metric, entries in table.columns():
            if len(entries) < _FEWEST:
                continue
            values = {i: entry.value for i, entry in enumerate(entries)}
            rank = ranks(values, higher_is_better=specs[metric].higher_is_better)
            ranked = [(entry, rank[i]) for i, entry in enumerate(entries)]
            wrong = [entry for entry, own in ranked if not _is_right(entry, own, ranked, table)]
            if wrong:
                yield _finding(table, dataset, wrong, ranked)


def _is_right(entry: Entry, own: int, ranked: Ranked, table: PaperTable) -> bool:
    """Whether an entry has the mark of its rank, as far as printed values tell."""
    if entry.mark is None:
        return True
    if not entry.mark:
        return own not in _MARK_OF or _is_given(own, ranked, table)
    alike = sum(rank == own for _, rank in ranked)
    # Of two values that print alike, one may be the best and the other the second.
    shares = entry.mark == "second" and own == 1 and alike > 1
    return own in _RANKS[entry.mark] or shares


def _is_given(own: int, ranked: Ranked, table: PaperTable) -> bool:
    """Whether the mark of a rank need not be on this entry: another has it, or nobody could."""
    wanted = _MARK_OF[own]
    if wanted in table.unmarked:
        return True
    if wanted == "second" and any(e.mark == "second" and rank == 1 for e, rank in ranked):
        return True
    return any(rank == own and e.mark in (wanted, "marked") for e, rank in ranked)


def _finding(table: PaperTable, dataset: str, wrong: Sequence[Entry], ranked: Ranked) -> Finding:
    bare = not any(entry.mark for entry, _ in ranked) and not wrong[0].basis
    said = "; ".join(f"{_show([entry])} is {_WORDS[entry.mark or '']}" for entry in wrong)
    if bare:
        said = "nothing is marked here, while other columns are"
    best, second = ([entry for entry, rank in ranked if rank == one] for one in _MARK_OF)
    right = f"{_show(best)} is best" + (f", {_show(second)} second" if second else "")
    basis = next((entry.basis for entry in wrong if entry.basis), "")
    return Finding(
        check="marks",
        severity=Severity.WARNING if basis or bare else Severity.ERROR,
        place=place(table, dataset, wrong[0].name, line=wrong[0].line),
        evidence=f"{said}; {right}" + (f" ({basis})" if basis else ""),
        remedy="Mark by computed ranks: mfsr-bench report table RUN --format latex",
    )


def _show(entries: Sequence[Entry]) -> str:
    return " and ".join(f"{entry.row} {entry.text}" for entry in entries)
