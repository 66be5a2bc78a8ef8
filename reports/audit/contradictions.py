"""Tables against each other: the same row with other values, other rows with the same values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.conformance.published import plain_title
from reports.audit.header import is_known_dataset
from reports.audit.model import Entry, Finding, PaperTable, Severity, place

_FEWEST_EQUAL = 3  # metrics that agree in every printed digit: no accident
_ROUNDING = 1e-9
_GENERIC = re.compile(
    r"(?:our|ours|base|baseline|full|default|vanilla|model|exp(?:eriment)?|variant|case|w/o?|without|with|\+"
    r"|\(?[a-z0-9#]{1,3}\)?|[^a-z]*)(?:\W.*)?"
)


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of a table on one data set."""

    table: PaperTable
    dataset: str
    method: str
    steps: int | None
    entries: Mapping[str, Entry]

    @property
    def title(self) -> str:
        return next(iter(self.entries.values())).row

    @property
    def who(self) -> tuple[str, int | None]:
        return plain_title(self.method), self.steps

    @property
    def line(self) -> int:
        return next(iter(self.entries.values())).line

    def same_as(self, other: _Row) -> bool:
        """Whether two rows agree in every digit of every metric that both have."""
        shared = self.shared(other)
        return len(shared) >= _FEWEST_EQUAL and not self.differing(other)

    def shared(self, other: _Row) -> list[str]:
        return [metric for metric in self.entries if metric in other.entries]

    def differing(self, other: _Row) -> list[tuple[Entry, Entry]]:
        pairs = [(self.entries[metric], other.entries[metric]) for metric in self.shared(other)]
        return [pair for pair in pairs if not _equal(*pair)]


def check(tables: Sequence[PaperTable]) -> Iterator[Finding]:
    """Find rows that contradict another row of the same paper."""
    rows = [
        _Row(table, dataset, method, steps, entries)
        for table in tables
        for dataset, method, steps, entries in table.rows()
    ]
    yield from _other_values(rows)
    yield from _wrong_sets(rows)
    yield from _same_values(rows)


def _other_values(rows: Sequence[_Row]) -> Iterator[Finding]:
    """Find the same method and steps on the same data set with different values.

    Two tables may be of other images or another protocol, or one name of two configurations:
    that both are of one measurement is known where they agree in other values.
    """
    pairs: dict[tuple[str, str, str], list[tuple[_Row, _Row]]] = {}
    for i, row in enumerate(rows):
        for other in rows[:i]:
            if other.table is not row.table and _name(other) == _name(row) and other.who == row.who:
                key = other.table.name, row.table.name, row.dataset
                pairs.setdefault(key, []).append((other, row))
    for (_, _, dataset), found in pairs.items():
        differing = [(other, row) for other, row in found if row.differing(other)]
        agreeing = sum(len(row.shared(other)) - len(row.differing(other)) for other, row in found)
        if differing and agreeing:
            yield from (_contradiction(other, row) for other, row in differing)
        elif differing and dataset:
            yield _two_measurements(differing)


def _contradiction(other: _Row, row: _Row) -> Finding:
    pairs = row.differing(other)
    said = ", ".join(f"{b.name} {b.text} and {a.text}" for a, b in pairs)
    unnamed = not row.dataset or _is_generic(row.method)
    return Finding(
        check="contradiction",
        severity=Severity.WARNING if unnamed else Severity.ERROR,
        place=place(row.table, row.dataset, row.title, line=row.line),
        evidence=f"{other.table.name} and {row.table.name} differ: {said}",
        remedy="Take both tables from one run: mfsr-bench report table RUN",
    )


def _two_measurements(pairs: Sequence[tuple[_Row, _Row]]) -> Finding:
    other, row = pairs[0]
    titles = ", ".join(dict.fromkeys(row.title for _, row in pairs))
    return Finding(
        check="contradiction",
        severity=Severity.WARNING,
        place=place(row.table, row.dataset, line=row.line),
        evidence=f"{titles}: no value equals that of the same name in {other.table.name}",
        remedy="Say what differs between the tables: images, protocol or configuration.",
    )


def _is_generic(method: str) -> bool:
    """Whether a name says only what a row is within its own table: an ablation's."""
    return bool(_GENERIC.fullmatch(method.strip().casefold()))


def _wrong_sets(rows: Sequence[_Row]) -> Iterator[Finding]:
    """Find tables that name one data set and hold the values of another.

    Two rows under different names of data sets agree in every digit. Which of the names is wrong
    is known where a third row shows other values of that method under one of them.
    """
    found: dict[tuple[str, str, str], list[tuple[_Row, _Row]]] = {}
    for row in rows:
        for other in rows:
            named = row.dataset and other.dataset and _name(other) != _name(row)
            if other.table is not row.table and named and row.same_as(other):
                if _is_right(row, other, rows):
                    continue
                found.setdefault((row.table.name, row.dataset, other.dataset), []).append(
                    (row, other)
                )
    for pairs in found.values():
        row, other = pairs[0]
        against = _counter(row, other, rows)
        known = is_known_dataset([row.dataset]) and is_known_dataset([other.dataset])
        yield Finding(
            check="contradiction",
            severity=Severity.ERROR if known else Severity.WARNING,
            place=place(row.table, row.dataset, row.title, line=row.line),
            evidence=_equality(pairs) + (f"; {against}" if against else ""),
            remedy=f"{row.table.name} is on {other.dataset}, not on {row.dataset}: name that set, "
            "or measure again."
            if against
            else f"Find out which of {row.dataset} and {other.dataset} the values are of.",
        )


def _equality(pairs: Sequence[tuple[_Row, _Row]]) -> str:
    """Return which row equals which; the same ones in further tables are named with the first."""
    found: dict[tuple[str, str, str, int], list[str]] = {}
    for row, other in pairs:
        key = (row.title, other.title, other.dataset, len(row.shared(other)))
        found.setdefault(key, []).append(other.table.name)
    return "; ".join(
        f"'{row}' equals {other} on {dataset} ({', '.join(names)}) in all digits of {n} metrics"
        for (row, other, dataset, n), names in found.items()
    )


def _counter(row: _Row, other: _Row, rows: Sequence[_Row]) -> str:
    """Return what shows that the name of `row`'s data set is the wrong one."""
    for third in rows:
        if third.who == other.who and _name(third) == _name(row) and third.table is not row.table:
            pairs = third.differing(row)
            if pairs:
                said = ", ".join(f"{theirs.name} {theirs.text}" for theirs, _ in pairs)
                return f"on {row.dataset} {other.title} has {said} in {third.table.name}"
    return ""


def _is_right(row: _Row, other: _Row, rows: Sequence[_Row]) -> bool:
    """Whether it is the other one of two rows whose name of the data set is known to be wrong."""
    return bool(_counter(other, row, rows)) and not _counter(row, other, rows)


def _same_values(rows: Sequence[_Row]) -> Iterator[Finding]:
    """Find different rows on one data set with the same values."""
    for i, row in enumerate(rows):
        for other in rows[:i]:
            if _name(other) == _name(row) and other.who != row.who and row.same_as(other):
                yield Finding(
                    check="contradiction",
                    severity=Severity.NOTE,
                    place=place(row.table, row.dataset, row.title, line=row.line),
                    evidence=f"all {len(row.shared(other))} shared values equal those of "
                    f"'{other.title}' in {other.table.name}",
                    remedy="One configuration under two names is fine; a copied row is not.",
                )


def _equal(first: Entry, second: Entry) -> bool:
    """Whether two printed numbers may be one, rounded to different decimals."""
    decimals = min(first.decimals, second.decimals)
    return abs(round(first.value, decimals) - round(second.value, decimals)) <= _ROUNDING


def _name(row: _Row) -> str:
    return plain_title(row.dataset)
