"""The terminal: a table that does not fit continues below, with the rest of its columns."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from reports.tables.text import WORDS, Highlight, number, one_line, spread

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from reports.tables.model import Cell, Column, Group, Report, Row, Table

# Red and blue are bold and underlined as well: without colours nothing is lost.
_STYLES = {
    Highlight.RED_BLUE: {"best": "bold red", "second": "underline blue"},
    Highlight.BOLD_UNDERLINE: {"best": "bold", "second": "underline"},
    Highlight.TIED: {"best": "bold", "tied": "bold"},
    Highlight.NONE: {},
}
_SUPERSCRIPT = str.maketrans("abcdefghijklmnoprstuvwxyz", "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ")
_UNBOUNDED = 10_000  # columns of a file or a pipe


def show(report: Report, console: Console, highlight: Highlight = Highlight.RED_BLUE) -> None:
    """Print the tables on a console. Columns without any value are only a footnote here."""
    bounded = console.is_terminal or "COLUMNS" in os.environ
    room = console.width if bounded else _UNBOUNDED
    wrap = not bounded  # a file or a pipe has no edge to break lines at
    for position, table in enumerate(report.tables):
        if position:
            console.print()
        for line in _lines(table, room, highlight):
            console.print(line, soft_wrap=True)
        words = WORDS[highlight] if table.kind == "scores" else ""
        caption = f"{one_line(table.caption)} {words}".strip()
        console.print(caption, markup=False, highlight=False, soft_wrap=wrap)
        for note in table.footnotes:
            text = f"{_superscript([note.mark])} {one_line(note.text)}"
            console.print(text, style="dim", markup=False, highlight=False, soft_wrap=wrap)


def _lines(table: Table, room: int, highlight: Highlight) -> Iterator[Text]:
    from rich.cells import cell_len

    rows = [row for group in table.groups for row in group.rows]
    columns = {
        i: [_head(column), *(_cell(row.cells[i], column, table) for row in rows)]
        for i, column in enumerate(table.columns)
        if any(row.cells[i].value is not None for row in rows)
    }
    widths = {i: max(map(cell_len, texts)) for i, texts in columns.items()}
    left = max((cell_len(_name(row)) for row in rows), default=0)
    gap = 2 if left + sum(widths.values()) + 2 * len(widths) <= room else 1
    for position, block in enumerate(_blocks(widths, room - left, gap)):
        if position:
            yield _line([])
        yield from _block(table, block, left, gap, highlight)


def _blocks(widths: dict[int, int], room: int, gap: int) -> Iterator[dict[int, int]]:
    """Yield the columns in blocks that fit beside the row titles; at least one per block."""
    block: dict[int, int] = {}
    for index, width in widths.items():
        if block and sum(block.values()) + width + gap * (len(block) + 1) > room:
            yield block
            block = {}
        block[index] = width
    yield block


def _block(
    table: Table, widths: dict[int, int], left: int, gap: int, highlight: Highlight
) -> Iterator[Text]:
    heads = [_right(_head(table.columns[i]), gap + width) for i, width in widths.items()]
    yield _line([" " * left, *heads], "bold")
    for group in table.groups:
        yield _line([_group(group)], "bold")
        for row in group.rows:
            line = _line([_left(_name(row), left)], "" if row.key else "italic")
            for i, width in widths.items():
                cell, column = row.cells[i], table.columns[i]
                style = _STYLES[highlight].get(cell.mark, "")
                line.append(_right("", gap + width - len(_cell(cell, column, table))))
                line.append(_value(cell, column, table), style=style)
                line.append(_beside(cell, column, table))
            yield line


def _line(texts: Sequence[str], style: str = "") -> Text:
    from rich.text import Text

    return Text.assemble(*((text, style) for text in texts))


def _left(text: str, width: int) -> str:
    from rich.cells import cell_len

    return text + " " * (width - cell_len(text))


def _right(text: str, width: int) -> str:
    from rich.cells import cell_len

    return " " * (width - cell_len(text)) + text


def _group(group: Group) -> str:
    return f"{one_line(group.title)}, n = {group.n}{_superscript(group.notes)}"


def _name(row: Row) -> str:
    return one_line(row.title) + row.published


def _head(column: Column) -> str:
    return one_line(column.title) + column.arrow + _superscript(column.notes)


def _cell(cell: Cell, column: Column, table: Table) -> str:
    return _value(cell, column, table) + _beside(cell, column, table)


def _value(cell: Cell, column: Column, table: Table) -> str:
    return number(cell, column, table.kind) + _superscript(cell.notes)


def _beside(cell: Cell, column: Column, table: Table) -> str:
    text = spread(cell, column, table.spread)
    return f" {text}" if text else ""


def _superscript(marks: Iterable[str]) -> str:
    return ",".join(marks).translate(_SUPERSCRIPT)
