"""Markdown: tables as GitHub renders them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import TYPE_CHECKING

from benchmarks.tables.text import Highlight, one_line

if TYPE_CHECKING:
    from benchmarks.tables.model import Cell, Column, Document, Group, Table

# Everything that starts markup, HTML included; a pipe would end the cell.
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~&#$!])")
_MARKUP = {
    Highlight.BOLD_UNDERLINE: {"best": "**{}**", "second": "<ins>{}</ins>"},
    Highlight.TIED: {"best": "**{}**", "tied": "**{}**"},
}


def escape(text: str) -> str:
    r"""Return plain text as Markdown.

    >>> print(escape("a_b|<script>"))
    a\_b\|\<script\>
    """
    return _SPECIAL.sub(r"\\\1", one_line(text))


def render(document: Document, highlight: Highlight = Highlight.BOLD_UNDERLINE) -> str:
    """Return the tables as Markdown. It has no colours: any highlight is bold and underline."""
    parts = ["\n".join(_table(table, highlight)) for table in document.tables]
    if document.comment:
        # Two hyphens would end the comment.
        lines = [re.sub("-(?=-)", "- ", one_line(line)) for line in document.comment]
        parts.insert(0, "\n".join(["<!--", *lines, "-->"]))
    return "\n\n".join(parts) + "\n"


def _table(table: Table, highlight: Highlight) -> Iterator[str]:
    if table.caption:
        yield f"**{escape(table.caption)}**"
        yield ""
    heading = [table.heading] if table.heading else []
    yield _line([*heading, *map(_head, table.columns)])
    rules = ["---:" if column.numeric else "---" for column in table.columns]
    yield _line([*("---" for _ in heading), *rules])
    for group in table.groups:
        yield from _group(group, table, highlight)
    for note in table.footnotes:
        yield ""
        yield f"{_superscript([note.mark])} {escape(note.text)}".strip()


def _group(group: Group, table: Table, highlight: Highlight) -> Iterator[str]:
    n = "" if group.n is None else f" (n = {group.n})"
    first = [f"{escape(group.title)}{n}{_superscript(group.notes)}"] if table.heading else []
    for row in group.rows:
        if row.heading:
            yield _line([*first, f"*{escape(row.heading)}*", *[""] * (len(table.columns) - 1)])
            first = [""] * len(first)
        quoted = [row.quoted and index < table.stub for index in range(len(row.cells))]
        yield _line([*first, *map(_cell, row.cells, quoted, repeat(highlight))])
        first = [""] * len(first)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _head(column: Column) -> str:
    return escape(column.title) + column.arrow + _superscript(column.notes)


def _cell(cell: Cell, quoted: bool, highlight: Highlight) -> str:
    markup = "*{}*" if quoted else _MARKUP.get(highlight, {}).get(cell.mark, "{}")
    text = markup.format(escape(cell.text)) + _superscript(cell.notes)
    return f"{text} {escape(cell.beside)}" if cell.beside else text


def _superscript(marks: Iterable[str]) -> str:
    text = ",".join(filter(None, marks))
    return f"<sup>{escape(text)}</sup>" if text else ""
