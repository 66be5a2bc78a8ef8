r"""LaTeX: booktabs, `\multirow` data sets, and macros for the marks, for journals to restyle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from reports.tables.text import WORDS, Highlight, number, one_line, spread

if TYPE_CHECKING:
    from reports.tables.model import Cell, Column, Group, Report, Row, Table

_MACROS = {
    Highlight.RED_BLUE: {"best": r"\textcolor{red}{#1}", "second": r"\textcolor{blue}{#1}"},
    Highlight.BOLD_UNDERLINE: {"best": r"\textbf{#1}", "second": r"\underline{#1}"},
    Highlight.TIED: {"best": r"\textbf{#1}", "tied": r"\textbf{#1}"},
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
        "†": r"\dag{}",
        "‡": r"\ddag{}",
        "§": r"\S{}",
        "¶": r"\P{}",
    }
)
_ARROWS = {"↑": r"$\uparrow$", "↓": r"$\downarrow$"}
# Shrinks a table that is wider than the text, and only such a one.
SHRINK = r"  \resizebox{\ifdim\width>\linewidth \linewidth\else \width\fi}{!}{%"
_ONE_COLUMN = 5  # metrics that fit one column of a two-column paper


def escape(text: str) -> str:
    r"""Return plain text as LaTeX.

    >>> escape("50% of A_1 & B")
    '50\\% of A\\_1 \\& B'
    """
    return one_line(text).translate(_ESCAPES)


def render(report: Report, highlight: Highlight = Highlight.RED_BLUE) -> str:
    r"""Return the tables as LaTeX source to be read by `\input`."""
    lines = [f"% {one_line(line)}" for line in report.provenance]
    lines += _preamble(highlight)
    for table in report.tables:
        lines += ["", *_table(table, highlight)]
    return "\n".join(lines) + "\n"


def _preamble(highlight: Highlight) -> Iterator[str]:
    colour = ",xcolor" if highlight is Highlight.RED_BLUE else ""
    yield rf"% Needs in the preamble: \usepackage{{booktabs,graphicx,multirow{colour}}}"
    if highlight in _MACROS:
        names = " and ".join(rf"\{mark}" for mark in _MACROS[highlight])
        yield f"% Restyle the marks by defining {names} before this file is read."
        for mark, style in _MACROS[highlight].items():
            yield rf"\providecommand{{\{mark}}}[1]{{{style}}}"


def _table(table: Table, highlight: Highlight) -> Iterator[str]:
    environment = "table" if len(table.columns) <= _ONE_COLUMN else "table*"
    words = WORDS[highlight] if table.kind == "scores" else ""
    label = table.label + ("-delta" if table.kind == "difference" else "")
    yield rf"\begin{{{environment}}}[t]"
    yield r"  \centering"
    yield rf"  \caption{{{' '.join(filter(None, [escape(table.caption), words]))}}}"
    yield rf"  \label{{tab:{label}}}"
    yield r"  \par\smallskip"
    yield r"  \small\setlength{\tabcolsep}{3.5pt}"
    yield SHRINK
    yield rf"  \begin{{tabular}}{{ll{'c' * len(table.columns)}}}"
    yield r"    \toprule"
    yield f"    {' & '.join(['Dataset', 'Method', *map(_head, table.columns)])} \\\\"
    for group in table.groups:
        yield r"    \midrule"
        yield from _group(group, table, highlight)
    yield r"    \bottomrule"
    yield r"  \end{tabular}}"
    if table.footnotes:
        yield r"  \par\smallskip"
        yield r"  \begin{minipage}{\linewidth}\footnotesize"
        for note in table.footnotes:
            yield rf"    \textsuperscript{{{escape(note.mark)}}}\,{escape(note.text)}"
        yield r"  \end{minipage}"
    yield rf"\end{{{environment}}}"


def _head(column: Column) -> str:
    return escape(column.title) + _ARROWS[column.arrow] + _superscript(column.notes)


def _group(group: Group, table: Table, highlight: Highlight) -> Iterator[str]:
    below = table.spread == "ci"  # intervals have a line of their own
    for number_, row in enumerate(group.rows):
        first = "" if number_ else _dataset(group, lines=1 + below)
        cells = [
            _cell(cell, column, table, highlight)
            for cell, column in zip(row.cells, table.columns, strict=True)
        ]
        yield f"    {' & '.join([first, _title(row), *cells])} \\\\" + "[-3pt]" * below
        if below:
            intervals = map(_interval, row.cells, table.columns)
            yield f"    {' & '.join(['', '', *intervals])} \\\\"


def _dataset(group: Group, *, lines: int) -> str:
    title, n = escape(group.title), f"$n={group.n}$" + _superscript(group.notes)
    if len(group.rows) * lines == 1:
        return f"{title} ({n})"
    return rf"\multirow{{{len(group.rows) * lines}}}{{*}}{{\shortstack[l]{{{title}\\{n}}}}}"


def _title(row: Row) -> str:
    title = escape(row.title)
    return (title if row.key else rf"\textit{{{title}}}") + _superscript([row.published])


def _cell(cell: Cell, column: Column, table: Table, highlight: Highlight) -> str:
    text = number(cell, column, table.kind)
    if table.kind == "difference" and cell.value is not None:
        text = f"${text}$"
    if cell.mark in _MACROS.get(highlight, {}):
        text = rf"\{cell.mark}{{{text}}}"
    text += _superscript(cell.notes)
    beside = spread(cell, column, table.spread) if table.spread == "pm" else ""
    return text + beside.replace("±", r"{\tiny\,$\pm$") + "}" * bool(beside)


def _interval(cell: Cell, column: Column) -> str:
    text = spread(cell, column, "ci")
    return rf"{{\tiny {text}}}" if text else ""


def _superscript(marks: Iterable[str]) -> str:
    text = escape(",".join(filter(None, marks)))
    return rf"\textsuperscript{{{text}}}" if text else ""
