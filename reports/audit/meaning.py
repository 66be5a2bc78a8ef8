"""Which styles of a table mark the best values, and which are not understood.

What the caption says counts first, then what commands and colours call themselves, then custom:
red and blue, else bold and underline. A style that custom does not know is read where the values
themselves show what it means, and named otherwise: then nobody says that marks are right.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from reports.audit.grid import PLAIN, GridCell, Style
from reports.audit.legend import legend
from reports.audit.model import Column, Entry, Mark, PaperTable, Unread
from reports.audit.scope import Scope, scopes

_MARKS: Mapping[int, Mark] = {1: "best", 2: "second", 3: "third"}
_NAMED: Mapping[Style, int] = {"best": 1, "second": 2, "third": 3, "🥇": 1, "🥈": 2, "🥉": 3}
# Custom, the first that a table uses: beside colours, bold is emphasis.
_CUSTOMS: tuple[Mapping[Style, int], ...] = (
    {"red text": 1, "blue text": 2},
    {"red background": 1, "orange background": 2, "yellow background": 3},
    {"bold": 1, "underline": 2},
)
_EMPHASIS = {"bold", "underline", "italic", "red text", "blue text", "grey text"}
_FEWEST = 3  # columns that show what a style means
_SURE = 0.75  # share of these
_DOUBTFUL = 0.5
_REFERENCE = re.compile(
    r"\W*(?:ground[\s-]*truth|upper[\s-]*bound|oracle|reference|(?:raw\s+)?input|(?:gt|hr|lr|hq|lq)\b)",
    re.IGNORECASE,
)
_FEW = 2  # numbers of a row or column may share a style by chance


def with_marks(table: PaperTable, caption: GridCell, positions: Sequence[str]) -> PaperTable:
    """Return a table with the marks of its entries, and with what of them is not understood.

    Args:
        table: its entries carry the styles that they are set in.
        caption: of the table.
        positions: what styles cells by their positions, which nobody follows here.
    """
    said = legend(caption)
    usual = _whole_columns(table)
    rows = _whole_rows(table)
    entries = tuple(
        replace(
            entry,
            styles=entry.styles - usual.get(entry.column, PLAIN) - rows[entry.place],
            muted="grey text" in rows[entry.place] or bool(_REFERENCE.match(entry.method)),
        )
        for entry in table.entries
    )
    shown = _Shown([entry for entry in entries if table.ranks_quoted or not entry.quoted])
    meaning, basis = _meaning(said, shown)
    doubtful = _doubtful(meaning, said, shown)
    meaning = {style: rank for style, rank in meaning.items() if style not in doubtful}
    everywhere = frozenset(column for column, _ in table.columns())
    unread = [
        *_unread_styles(meaning, shown, doubtful),
        *(Unread(what=what, columns=everywhere) for what in positions),
    ]
    if meaning:
        entries = tuple(
            replace(
                entry,
                mark=_mark(entry.styles, meaning, rows[entry.place]),
                basis=next((basis[one] for one in entry.styles if one in basis), ""),
            )
            for entry in entries
        )
    used = {entry.mark for entry in entries}
    return replace(
        table,
        entries=entries,
        unmarked=tuple(sorted({"best", "second"}.difference(used))) if meaning else (),
        unread=(*table.unread, *unread),
    )


def _mark(
    styles: Iterable[Style], meaning: Mapping[Style, int], row: Iterable[Style]
) -> Mark | None:
    """Return the mark that styles make; None where the style of a whole row may be one."""
    found = [meaning[style] for style in styles if style in meaning]
    if found:
        return _MARKS[min(found)]
    return None if any(style in meaning for style in row) else ""


class _Shown:
    """Where styles are, and on which ranks."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.columns: dict[Style, set[Column]] = {}
        self.counts: dict[Style, int] = {}
        self.lines: dict[Style, int] = {}
        for entry in entries:
            for style in entry.styles:
                self.columns.setdefault(style, set()).add(entry.column)
                self.counts[style] = self.counts.get(style, 0) + 1
                self.lines.setdefault(style, entry.line)
        self._numbers = [entry.styles for entry in entries]
        dressed = {entry.place for entry in entries if entry.styles}
        self._scopes = list(scopes(entries, dressed))

    def share(self, style: Style, rank: int, *, lenient: bool = False) -> tuple[int, int]:
        """Return in how many columns a style is on values of one rank alone, and is at all.

        Args:
            style: the style.
            rank: from 1 for the best.
            lenient: compare rows in the way that suits it best, and not all of them.
        """
        chosen = self._scopes if lenient else self._scopes[:1]
        return max((self._share(style, rank, scope) for scope in chosen), default=(0, 0))

    def collide(self, one: Mapping[Style, int], other: Mapping[Style, int]) -> Iterator[bool]:
        """Yield, for each number, whether two meanings of styles give it different ranks."""
        for styles in self._numbers:
            ranks = [{meaning[s] for s in styles if s in meaning} for meaning in (one, other)]
            yield all(ranks) and ranks[0] != ranks[1]

    @staticmethod
    def _share(style: Style, rank: int, scope: Scope) -> tuple[int, int]:
        on: dict[Column, set[int]] = {}
        for column, ranked in scope.sets:
            found = {own for entry, own in ranked if style in entry.styles}
            on.setdefault(column, set()).update(found)
        on = {column: found for column, found in on.items() if found}
        return sum(found == {rank} for found in on.values()), len(on)


def _meaning(said: Mapping[Style, int], shown: _Shown) -> tuple[dict[Style, int], dict[Style, str]]:
    """Return the rank of each style that is understood, and of which ones only values tell it."""
    used = set(shown.columns)
    meaning = {style: rank for style, rank in {**_NAMED, **said}.items() if style in used}
    if not said:
        custom = next((one for one in _CUSTOMS if one.keys() & used), {})
        custom = {style: rank for style, rank in custom.items() if style in used}
        if not any(shown.collide(custom, meaning)):
            meaning |= custom
    basis = {}
    for style in sorted(used - meaning.keys() - _EMPHASIS):
        for rank, mark in _MARKS.items():
            right, columns = shown.share(style, rank)
            if columns >= _FEWEST and right >= _SURE * columns:
                meaning[style] = rank
                where = f"{right} of {columns} columns"
                basis[style] = f"'{style}' is taken for the mark of the {mark}: it is in {where}"
    return meaning, basis


def _doubtful(
    meaning: Mapping[Style, int], said: Mapping[Style, int], shown: _Shown
) -> dict[Style, str]:
    """Return the styles that are marks by custom, and are mostly elsewhere in this table."""
    found = {}
    for style, rank in meaning.items():
        right, columns = shown.share(style, rank, lenient=True)
        if style in said or style in _NAMED or columns < _FEWEST or right >= _DOUBTFUL * columns:
            continue
        found[style] = f"'{style}' is on the {_MARKS[rank]} value in {right} of {columns} columns"
    return found


def _unread_styles(
    meaning: Mapping[Style, int], shown: _Shown, doubtful: Mapping[Style, str]
) -> list[Unread]:
    """Return the styles that may be marks and are not understood.

    Beside a caption or custom that gives marks their meaning, the usual means of emphasis are
    none. Grey takes something back.
    """
    found = []
    for style, columns in shown.columns.items():
        if style in meaning or style == "grey text" or (meaning and style in _EMPHASIS):
            continue
        what = doubtful.get(style) or f"'{style}' around {shown.counts[style]} of the numbers"
        found.append(Unread(what=what, line=shown.lines[style], columns=frozenset(columns)))
    return found


def _whole_rows(table: PaperTable) -> dict[int, frozenset[Style]]:
    """Return the styles that all numbers of a row share: emphasis of the row, and no mark."""
    rows: dict[int, list[Entry]] = {}
    for entry in table.entries:
        rows.setdefault(entry.place, []).append(entry)
    return {
        place: frozenset.intersection(*(entry.styles for entry in entries))
        if len(entries) > _FEW
        else PLAIN
        for place, entries in rows.items()
    }


def _whole_columns(table: PaperTable) -> dict[Column, frozenset[Style]]:
    """Return the styles that all numbers of a column share."""
    return {
        column: frozenset.intersection(*(entry.styles for entry in entries))
        for column, entries in table.columns()
        if len(entries) > _FEW
    }
