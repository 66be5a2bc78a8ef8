r"""LaTeX: booktabs, `\multirow` groups, and macros for the marks, for journals to restyle."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import TYPE_CHECKING

from benchmarks.tables.text import WORDS, Highlight, one_line

if TYPE_CHECKING:
    from benchmarks.tables.model import Cell, Column, Document, Group, Row, Table

# A macro is named after how it looks: tables of two styles may stand in one paper.
_MACROS = {
    Highlight.RED_BLUE: {
        "best": ("bestred", r"\textcolor{red}{#1}"),
        "second": ("secondblue", r"\textcolor{blue}{#1}"),
    },
    Highlight.BOLD_UNDERLINE: {
        "best": ("bestbold", r"\textbf{#1}"),
        "second": ("secondunderline", r"\underline{#1}"),
    },
    Highlight.TIED: {"best": ("tiedbold", r"\textbf{#1}"), "tied": ("tiedbold", r"\textbf{#1}")},
}
_ESCAPES = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "$": r"\$",
        "&": r"\&",
        "#": r"\#",
        "_": r"\_",
        "%": r"\%",
        "^": r"\textasciicircum{}",
        "~": r"\textasciitilde{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        '"': "''",
        # In mathematics, or TeX takes them from bitmap fonts.
        "†": r"$\dagger$",
        "‡": r"$\ddagger$",
        "§": r"$\S$",
        "¶": r"$\P$",
        "×": r"$\times$",
        "±": r"$\pm$",
        "↑": r"$\uparrow$",
        "↓": r"$\downarrow$",
    }
)
_SIGNED = re.compile(r"[-+]\d[\d.]*")
# Shrinks a table that is wider than the text, and only such a one.
_SHRINK = r"  \resizebox{\ifdim\width>\linewidth \linewidth\else \width\fi}{!}{%"
_ONE_COLUMN = 6  # columns of a table that fits one column of a two-column paper


def escape(text: str) -> str:
    r"""Return plain text as LaTeX.

    >>> escape("50% of A_1 & B")
    '50\\% of A\\_1 \\& B'
    """
    return one_line(text).translate(_ESCAPES)


def render(document: Document, highlight: Highlight = Highlight.RED_BLUE) -> str:
    r"""Return the tables as LaTeX source to be read by `\input`."""
    lines = [f"% {one_line(line)}" for line in document.comment]
    lines += _preamble(document, highlight)
    for table in document.tables:
        lines += ["", *_table(table, highlight)]
    return "\n".join(lines) + "\n"


def _preamble(document: Document, highlight: Highlight) -> Iterator[str]:
    macros = dict(_MACROS.get(highlight, {}).values()) if _is_ranked(document) else {}
    packages = ["booktabs", "graphicx"]
    packages += ["multirow"] if any(table.heading for table in document.tables) else []
    packages += ["xcolor"] if macros and highlight is Highlight.RED_BLUE else []
    yield rf"% Needs in the preamble: \usepackage{{{','.join(packages)}}}"
    if macros:
        names = " and ".join(rf"\{name}" for name in macros)
        yield f"% Restyle the marks by defining {names} before this file is read."
    for name, style in macros.items():
        yield rf"\providecommand{{\{name}}}[1]{{{style}}}"


def _is_ranked(document: Document) -> bool:
    return any(table.ranked for table in document.tables)


def _table(table: Table, highlight: Highlight) -> Iterator[str]:
    environment = "table" if len(table.columns) <= _ONE_COLUMN else "table*"
    words = WORDS[highlight] if table.ranked else ""
    heading = [table.heading] if table.heading else []
    sides = ["l" if not one.numeric else "c" if one.arrow else "r" for one in table.columns]
    yield rf"\begin{{{environment}}}[t]"
    yield r"  \centering"
    yield rf"  \caption{{{' '.join(filter(None, [escape(table.caption), words]))}}}"
    yield rf"  \label{{tab:{table.label}}}"
    yield r"  \par\smallskip"
    yield r"  \small\setlength{\tabcolsep}{3.5pt}"
    yield _SHRINK
    yield rf"  \begin{{tabular}}{{{'l' * len(heading)}{''.join(sides)}}}"
    yield r"    \toprule"
    yield _line([*heading, *map(_head, table.columns)])
    for group in table.groups:
        yield r"    \midrule"
        yield from _group(group, table, highlight)
    yield r"    \bottomrule"
    yield r"  \end{tabular}}"
    yield from _footnotes(table)
    yield rf"\end{{{environment}}}"


def _footnotes(table: Table) -> Iterator[str]:
    if not table.footnotes:
        return
    yield r"  \par\smallskip"
    yield r"  \begin{minipage}{\linewidth}\footnotesize"
    for note in table.footnotes:
        sign = _superscript([note.mark]) + r"\," * bool(note.mark)
        yield rf"    {sign}{escape(note.text)}\par"
    yield r"  \end{minipage}"


def _line(cells: Iterable[str]) -> str:
    return f"    {' & '.join(cells)} \\\\"


def _head(column: Column) -> str:
    return escape(column.title + column.arrow) + _superscript(column.notes)


def _group(group: Group, table: Table, highlight: Highlight) -> Iterator[str]:
    below = [table.intervals == "ci" and any(c.interval for c in row.cells) for row in group.rows]
    lines = len(group.rows) + sum(below) + sum(bool(row.heading) for row in group.rows)
    first = [_group_title(group, lines)] if table.heading else []
    width = len(first) + len(table.columns)
    for row, has_intervals in zip(group.rows, below, strict=True):
        if row.ruled:
            yield rf"    \cmidrule(l){{2-{width}}}" if first else r"    \midrule"
        if row.heading:
            words = rf"\textit{{{escape(row.heading)}}}"
            yield _line([*first, rf"\multicolumn{{{len(table.columns)}}}{{l}}{{{words}}}"])
            first = [""] * len(first)
        looks = [_look(cell, row, i < table.stub, highlight) for i, cell in enumerate(row.cells)]
        cites = [rf"~\cite{{{row.cite}}}" if row.cite else "", *[""] * (len(row.cells) - 1)]
        cells = map(_cell, row.cells, looks, cites, repeat(table.intervals == "pm"))
        yield _line([*first, *cells]) + "[-3pt]" * has_intervals
        first = [""] * len(first)
        if has_intervals:
            yield _line([*first, *map(_interval, row.cells)])


def _group_title(group: Group, lines: int) -> str:
    title, n = escape(group.title), f"$n={group.n}$" + _superscript(group.notes)
    if lines == 1:
        return f"{title} ({n})"
    return rf"\multirow{{{lines}}}{{*}}{{\shortstack[l]{{{title}\\{n}}}}}"


def _look(cell: Cell, row: Row, names: bool, highlight: Highlight) -> str:
    """Return the macro that a cell's text stands in; empty for none."""
    if row.quoted and names:
        return "textit"
    return _MACROS.get(highlight, {}).get(cell.mark, ("", ""))[0]


def _cell(cell: Cell, look: str, cite: str, beside: bool) -> str:
    # A hyphen is no minus.
    text = f"${cell.text}$" if _SIGNED.fullmatch(cell.text) else escape(cell.text)
    text = rf"\{look}{{{text}}}" if look else text
    spread = rf"{{\tiny\,{escape(cell.beside)}}}" if beside and cell.beside else ""
    return text + _superscript(cell.notes) + cite + spread


def _interval(cell: Cell) -> str:
    return rf"{{\tiny {escape(cell.beside)}}}" if cell.beside else ""


def _superscript(marks: Iterable[str]) -> str:
    text = escape(",".join(filter(None, marks)))
    signs = text.replace("$", "")
    if signs == text:
        return rf"\textsuperscript{{{text}}}" if text else ""
    return f"$^{{{signs}}}$"
