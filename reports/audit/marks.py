"""Which values a table marks as best and second, against which ones are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reports.audit.legend import is_restricted
from reports.audit.model import Column, Entry, Finding, Mark, PaperTable, Severity, place
from reports.audit.scope import WITH_MARKS, Ranked, Scope, scopes

_FEWEST = 3  # values of a column: the second of two is the last
_LEFT_OUT = 2  # columns in which a row lacks a mark, before it is thought to be left out on purpose
_RANKS: Mapping[Mark, tuple[int, ...]] = {
    "best": (1,), "second": (2,), "third": (3,), "marked": (1, 2),
}  # fmt: skip
_MARK_OF: Mapping[int, Mark] = {1: "best", 2: "second"}
_WORDS: Mapping[Mark, str] = {
    "": "not marked",
    "best": "marked best",
    "second": "marked second",
    "third": "marked third",
    "marked": "marked",
}


@dataclass(frozen=True, slots=True)
class _Judged:
    """The marks of a table, under one way to compare its rows."""

    scope: Scope
    wrong: tuple[tuple[Column, tuple[Entry, ...], Ranked], ...]


def check(tables: Sequence[PaperTable]) -> Iterator[Finding]:
    """Find columns whose marks are not on the best and second-best printed values.

    Values that print alike may differ unrounded, so any of them may carry the mark. A table is
    judged by the comparison of rows that leaves the fewest wrong marks: no reading of it makes
    those right.
    """
    for table in tables:
        hidden = table.hidden(marks=True)
        marked = {entry.place for entry in table.entries if entry.mark}
        judged = [_judge(scope, table, hidden) for scope in scopes(table.ranked, marked)]
        if not judged:
            continue
        usual, *others = judged
        best = min(judged, key=lambda one: len(one.wrong))
        if best is not usual and best in others:
            left_out = _left_out(usual, marked)
            if best.scope.name == WITH_MARKS and not left_out:
                best = min(judged[:-1], key=lambda one: len(one.wrong))
            if best is not usual:
                yield _scoped(table, best, left_out)
        for _, wrong, ranked in best.wrong:
            yield _finding(table, best.scope, wrong, ranked)
        yield from _bare(table, hidden)


def coverage(tables: Sequence[PaperTable]) -> tuple[int, int]:
    """Return in how many columns of several numbers marks are there and judged, and of how many."""
    judged = columns = 0
    for table in tables:
        hidden = table.hidden(marks=True)
        for column, entries in table.columns():
            if len(entries) >= _FEWEST:
                columns += 1
                judged += column not in hidden and any(one.mark or one.basis for one in entries)
    return judged, columns


def _judge(scope: Scope, table: PaperTable, hidden: frozenset[Column]) -> _Judged:
    wrong = []
    for column, ranked in scope.sets:
        few = len(ranked) < (2 if scope.name else _FEWEST)
        if few or column in hidden or not any(entry.mark or entry.basis for entry, _ in ranked):
            continue
        bad = tuple(entry for entry, own in ranked if not _is_right(entry, own, ranked, table))
        if bad:
            wrong.append((column, bad, ranked))
    return _Judged(scope, tuple(wrong))


def _is_right(entry: Entry, own: int, ranked: Ranked, table: PaperTable) -> bool:
    """Whether an entry has the mark of its rank, as far as printed values tell."""
    if entry.mark is None:
        return True
    if not entry.mark:
        is_last = own == 2 and len(ranked) < _FEWEST
        return own not in _MARK_OF or is_last or _is_given(own, ranked, table)
    alike = sum(rank == own for _, rank in ranked)
    # Of values that print alike, one may be the best and the others the next.
    shares = any(rank in _RANKS[entry.mark] for rank in range(own, own + alike))
    return own in _RANKS[entry.mark] or shares


def _is_given(own: int, ranked: Ranked, table: PaperTable) -> bool:
    """Whether the mark of a rank need not be on this entry: another has it, or nobody could."""
    wanted = _MARK_OF[own]
    if wanted in table.unmarked:
        return True
    if wanted == "second" and any(e.mark == "second" and rank == 1 for e, rank in ranked):
        return True
    return any(rank == own and e.mark in (wanted, "marked", None) for e, rank in ranked)


def _left_out(usual: _Judged, marked: set[int]) -> list[str]:
    """Return the rows without marks that lack one in several columns: left out on purpose."""
    counts: dict[str, int] = {}
    for _, wrong, _ in usual.wrong:
        for entry in wrong:
            if entry.place not in marked:
                counts[entry.row] = counts.get(entry.row, 0) + 1
    return [row for row, count in counts.items() if count >= _LEFT_OUT]


def _scoped(table: PaperTable, judged: _Judged, left_out: Sequence[str]) -> Finding:
    """Return the finding that marks compare less than all rows, which a reader has to know."""
    some = judged.scope.name == WITH_MARKS
    says = is_restricted(table.caption)
    rows = f": {', '.join(left_out)} carry none" if some else ""
    return Finding(
        check="marks",
        severity=Severity.NOTE if says or not some else Severity.WARNING,
        place=place(table),
        evidence=f"marks are on the best values {judged.scope.name}, not of all{rows}",
        remedy="Say in the caption which rows are compared.",
    )


def _finding(table: PaperTable, scope: Scope, wrong: Sequence[Entry], ranked: Ranked) -> Finding:
    said = "; ".join(f"{_show([entry])} is {_WORDS[entry.mark or '']}" for entry in wrong)
    basis = next((entry.basis for entry, _ in ranked if entry.basis), "")
    why = "; ".join(filter(None, [scope.name, basis]))
    unsure = basis or (is_restricted(table.caption) and not scope.name)
    return Finding(
        check="marks",
        severity=Severity.WARNING if unsure else Severity.ERROR,
        place=place(table, wrong[0].dataset, wrong[0].name, line=wrong[0].line),
        evidence=f"{said}; {_truth(ranked)}" + (f" ({why})" if why else ""),
        remedy="Mark by computed ranks: mfsr-bench report table RUN --format latex",
    )


def _bare(table: PaperTable, hidden: frozenset[Column]) -> Iterator[Finding]:
    """Find columns without any mark, in tables that mark others."""
    if not any(entry.mark for entry in table.entries):
        return
    for column, ranked in next(scopes(table.ranked, ())).sets:
        entries = [entry for entry, _ in ranked]
        known = all(entry.mark == "" for entry in entries)
        if known and column not in hidden and len(entries) >= _FEWEST:
            yield Finding(
                check="marks",
                severity=Severity.WARNING,
                place=place(table, column[0], entries[0].name, line=entries[0].line),
                evidence="nothing is marked here, while other columns are; " + _truth(ranked),
                remedy="Mark by computed ranks: mfsr-bench report table RUN --format latex",
            )


def _truth(ranked: Ranked) -> str:
    best, second = ([entry for entry, rank in ranked if rank == one] for one in _MARK_OF)
    return f"{_show(best)} is best" + (f", {_show(second)} second" if second else "")


def _show(entries: Sequence[Entry]) -> str:
    return " and ".join(f"{entry.row} {entry.text}" for entry in entries)
