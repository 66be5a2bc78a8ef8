"""Markdown: tables as GitHub renders them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from reports.tables.text import Highlight, number, one_line, spread

if TYPE_CHECKING:
    from reports.tables.model import Cell, Column, Report, Row, Table

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


def render(report: Report, highlight: Highlight = Highlight.BOLD_UNDERLINE) -> str:
    """Return the tables as Markdown. It has no colours: any highlight is bold and underline."""
    # Two hyphens would end the comment.
    comment = [re.sub("-(?=-)", "- ", one_line(line)) for line in report.provenance]
    parts = ["\n".join(["<!--", *comment, "-->"])]
    parts += ["\n".join(_table(table, highlight)) for table in report.tables]
    return "\n\n".join(parts) + "\n"


def _table(table: Table, highlight: Highlight) -> Iterator[str]:
    yield f"**{escape(table.caption)}**"
    yield ""
    yield line(["Dataset", "Method", *map(_head, table.columns)])
    yield line(["---", "---", *("---:" for _ in table.columns)])
    for group in table.groups:
        first = f"{escape(group.title)} (n = {group.n}){_superscript(group.notes)}"
        for row in group.rows:
            cells = (
                _cell(cell, column, table, highlight)
                for cell, column in zip(row.cells, table.columns, strict=True)
            )
            yield line([first, _title(row), *cells])
            first = ""
    for note in table.footnotes:
        yield ""
        yield f"<sup>{escape(note.mark)}</sup> {escape(note.text)}"


def line(cells: Iterable[str]) -> str:
    """Return one line of a table."""
    return f"| {' | '.join(cells)} |"


def _head(column: Column) -> str:
    return escape(column.title) + column.arrow + _superscript(column.notes)


def _title(row: Row) -> str:
    title = escape(row.title)
    return (title if row.key else f"*{title}*") + _superscript([row.published])


def _cell(cell: Cell, column: Column, table: Table, highlight: Highlight) -> str:
    markup = _MARKUP.get(highlight, {}).get(cell.mark, "{}")
    text = markup.format(number(cell, column, table.kind)) + _superscript(cell.notes)
    beside = spread(cell, column, table.spread)
    return f"{text} {escape(beside)}" if beside else text


def _superscript(marks: Iterable[str]) -> str:
    text = ",".join(filter(None, marks))
    return f"<sup>{escape(text)}</sup>" if text else ""
