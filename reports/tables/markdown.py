"""Markdown: tables as GitHub renders them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from reports.tables.text import Highlight, number, one_line

if TYPE_CHECKING:
    from reports.tables.model import Cell, Column, Kind, Report, Row, Table

# Everything that starts markup, HTML included; a pipe would end the cell.
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~&#$!])")
_MARKUP = {"best": "**{}**", "second": "<ins>{}</ins>", "": "{}"}


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
    yield _line(["Dataset", "Method", *map(_head, table.columns)])
    yield _line(["---", "---", *("---:" for _ in table.columns)])
    for group in table.groups:
        first = f"{escape(group.title)} (n = {group.n}){_superscript(group.notes)}"
        for row in group.rows:
            cells = (
                _cell(cell, column, table.kind, highlight)
                for cell, column in zip(row.cells, table.columns, strict=True)
            )
            yield _line([first, _title(row), *cells])
            first = ""
    for note in table.footnotes:
        yield ""
        yield f"<sup>{escape(note.mark)}</sup> {escape(note.text)}"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _head(column: Column) -> str:
    return escape(column.title) + column.arrow + _superscript(column.notes)


def _title(row: Row) -> str:
    title = escape(row.title)
    return (title if row.key else f"*{title}*") + _superscript([row.published])


def _cell(cell: Cell, column: Column, kind: Kind, highlight: Highlight) -> str:
    mark = cell.mark if highlight is not Highlight.NONE else ""
    return _MARKUP[mark].format(number(cell, column, kind)) + _superscript(cell.notes)


def _superscript(marks: Iterable[str]) -> str:
    text = ",".join(filter(None, marks))
    return f"<sup>{escape(text)}</sup>" if text else ""
