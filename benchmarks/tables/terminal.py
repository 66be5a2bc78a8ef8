"""The terminal: columns that have no room beside the names of the rows follow in a block below.

A list folds its words instead, between words and never inside one; where even that has no room it
is written one block per row. A pipe has no edge: lists go into it with tabs between their columns,
for other programs.
"""

from __future__ import annotations

import io
import os
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from benchmarks.tables.text import WORDS, Highlight, one_line, superscript

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from benchmarks.tables.model import Cell, Document, Group, Row, Table

# Red and blue are bold and underlined as well: without colours nothing is lost.
_RANKS = {
    Highlight.RED_BLUE: {"best": "bold red", "second": "underline blue"},
    Highlight.BOLD_UNDERLINE: {"best": "bold", "second": "underline"},
    Highlight.TIED: {"best": "bold", "tied": "bold"},
    Highlight.NONE: {},
}
_TONES = {"good": "green", "bad": "bold red", "warning": "yellow", "quiet": "dim"}
_UNBOUNDED = 10_000  # columns of a file or a pipe
_GAP = 2  # spaces between columns
_LEAST_PROSE = 24  # columns in which sentences can be read


def show(document: Document, console: Console, highlight: Highlight = Highlight.RED_BLUE) -> None:
    """Print the tables on a console. Ranked columns without any value are only a footnote here."""
    bounded = console.is_terminal or "COLUMNS" in os.environ
    room = console.width if bounded else _UNBOUNDED
    for position, table in enumerate(document.tables):
        if position:
            console.print()
        if table.listed and not bounded:
            console.file.write(_tabbed(table))  # rich would make spaces of the tabs
        else:
            for line in _table(table, room, highlight):
                console.print(line, soft_wrap=True)
        words = WORDS[highlight] if table.ranked else ""
        told = [(f"{one_line(table.caption)} {words}".strip(), "")]
        told += [
            (f"{superscript([note.mark])} {one_line(note.text)}".strip(), "dim")
            for note in table.footnotes
        ]
        for text, style in told:
            if text:
                # A file or a pipe has no edge to break lines at.
                wrap = not bounded
                console.print(text, style=style, markup=False, highlight=False, soft_wrap=wrap)


def render(document: Document, highlight: Highlight = Highlight.RED_BLUE) -> str:
    """Return the tables as they are printed into a file."""
    from rich.console import Console

    text = io.StringIO()
    show(document, Console(file=text, force_terminal=False), highlight)
    return text.getvalue()


def _table(table: Table, room: int, highlight: Highlight) -> Iterator[Text]:
    if table.stacked:
        return _stacked(table, room)
    widths = _widths(table)
    if not table.listed:
        return _blocks(table, widths, room, highlight)
    fits = sum(widths.values()) + _GAP * (len(widths) - 1) <= room
    folded = widths if fits else _folded(table, widths, room)
    return _block(table, folded, _GAP, highlight) if folded else _stacked(table, room)


def _widths(table: Table) -> dict[int, int]:
    """Return the widths of the columns that are shown."""
    from rich.cells import cell_len

    return {
        i: max(map(cell_len, [_head(table, i), *(_plain(row.cells[i]) for row in table.rows)]))
        for i, column in enumerate(table.columns)
        if not column.arrow or any(row.cells[i].value is not None for row in table.rows)
    }


def _folded(table: Table, widths: Mapping[int, int], room: int) -> dict[int, int]:
    """Return widths that fit, words sharing what numbers leave; empty where a word has no room."""
    least = {i: _longest_word(table, i) for i in widths if not table.columns[i].numeric}
    last = len(table.columns) - 1
    if last in least and table.columns[last].prose:  # a path runs over the edge, to be copied whole
        least[last] = min(least[last], _LEAST_PROSE)
    found = {**widths, **least}
    spare = room - _GAP * (len(widths) - 1) - sum(found.values())
    wanted = {i: widths[i] - width for i, width in least.items()}
    for left, i in zip(
        range(len(least), 0, -1), sorted(wanted, key=wanted.__getitem__), strict=True
    ):
        more = min(wanted[i], max(spare, 0) // left)
        found[i] += more
        spare -= more
    return found if spare >= 0 else {}


def _longest_word(table: Table, index: int) -> int:
    texts = [_head(table, index), *(_plain(row.cells[index]) for row in table.rows)]
    return max(len(word) for text in texts for word in [*text.split(), ""])


def _tabbed(table: Table) -> str:
    lines = [[column.title for column in table.columns]]
    lines += [[one_line(cell.text) for cell in row.cells] for row in table.rows]
    return "".join("\t".join(line) + "\n" for line in lines)


def _stacked(table: Table, room: int) -> Iterator[Text]:
    """Yield each row as a block: what it is about, its words on one line, its sentences below."""
    from rich.text import Text

    prose = [column.prose for column in table.columns]
    for row in table.rows:
        stub = row.cells[: table.stub]
        yield Text(": ").join(Text(one_line(c.text), _TONES.get(c.mark, "bold")) for c in stub)
        words = [c for c, sentence in zip(row.cells, prose, strict=True) if not sentence]
        yield from _indented(", ".join(c.text for c in words[table.stub :] if c.text), "", room)
        for cell, sentence in zip(row.cells, prose, strict=True):
            if sentence:
                yield from _indented(cell.text, _TONES.get(cell.mark, ""), room)


def _indented(text: str, style: str, room: int) -> Iterator[Text]:
    from rich.text import Text

    for line in _wrapped(one_line(text), max(room - 2, 1)):
        yield Text(f"  {line}", style)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def _blocks(
    table: Table, widths: Mapping[int, int], room: int, highlight: Highlight
) -> Iterator[Text]:
    """Yield the columns in blocks that fit beside the names of the rows; at least one per block."""
    from rich.text import Text

    stub = {i: width for i, width in widths.items() if i < table.stub}
    gap = _GAP if sum(widths.values()) + _GAP * (len(widths) - 1) <= room else 1
    block = dict(stub)
    for i, width in widths.items():
        if i in stub:
            continue
        if len(block) > len(stub) and sum(block.values()) + width + gap * len(block) > room:
            yield from _block(table, block, gap, highlight)
            yield Text()
            block = dict(stub)
        block[i] = width
    yield from _block(table, block, gap, highlight)


def _block(
    table: Table, widths: Mapping[int, int], gap: int, highlight: Highlight
) -> Iterator[Text]:
    from rich.text import Text

    heads = {i: Text(_head(table, i), "bold") for i in widths}
    yield _line(table, heads, widths, gap)
    if not table.heading:
        yield Text((" " * gap).join("─" * width for width in widths.values()))
    for group in table.groups:
        if table.heading:
            yield Text(_group(group), "bold")
        for row in group.rows:
            if row.heading:
                yield Text(one_line(row.heading), "italic")
            cells = {i: _cell(table, row, i, width, highlight) for i, width in widths.items()}
            for line in zip_longest(*cells.values(), fillvalue=Text()):
                yield _line(table, dict(zip(cells, line, strict=True)), widths, gap)


def _line(table: Table, texts: Mapping[int, Text], widths: Mapping[int, int], gap: int) -> Text:
    """Return one line: words at the left of their columns, numbers at the right."""
    from rich.text import Text

    parts = []
    for i, text in texts.items():
        space = Text(" " * (widths[i] - text.cell_len))
        parts.append(space + text if table.columns[i].numeric else text + space)
    line = Text(" " * gap).join(parts)
    line.rstrip()
    return line


def _cell(table: Table, row: Row, index: int, width: int, highlight: Highlight) -> Sequence[Text]:
    """Return the lines of a cell: several where its words are folded."""
    from rich.text import Text

    cell = row.cells[index]
    quoted = row.quoted and index < table.stub
    style = "italic" if quoted else _RANKS[highlight].get(cell.mark, _TONES.get(cell.mark, ""))
    text, beside = _value(cell), f" {cell.beside}" if cell.beside else ""
    if len(text) > width:
        return [Text(line, style) for line in _wrapped(text, width)]
    return [Text.assemble((text, style), beside)]


def _plain(cell: Cell) -> str:
    return _value(cell) + (f" {cell.beside}" if cell.beside else "")


def _value(cell: Cell) -> str:
    return one_line(cell.text) + superscript(cell.notes)


def _head(table: Table, index: int) -> str:
    if table.heading and index < table.stub:
        return ""  # the names of the groups stand above those of the rows
    column = table.columns[index]
    return one_line(column.title) + column.arrow + superscript(column.notes)


def _group(group: Group) -> str:
    n = "" if group.n is None else f", n = {group.n}"
    return f"{one_line(group.title)}{n}{superscript(group.notes)}"
