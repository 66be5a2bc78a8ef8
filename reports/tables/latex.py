r"""LaTeX: booktabs, `\multirow` data sets, and macros for the marks, for journals to restyle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from reports.tables.text import Highlight, number, one_line

if TYPE_CHECKING:
    from reports.tables.model import Cell, Column, Group, Kind, Report, Row, Table

_MACROS = {
    Highlight.RED_BLUE: (r"\textcolor{red}{#1}", r"\textcolor{blue}{#1}"),
    Highlight.BOLD_UNDERLINE: (r"\textbf{#1}", r"\underline{#1}"),
}
_WORDS = {
    Highlight.RED_BLUE: "Best in red, second in blue.",
    Highlight.BOLD_UNDERLINE: "Best in bold, second underlined.",
    Highlight.NONE: "",
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
        best, second = _MACROS[highlight]
        yield r"% Restyle the marks by defining \best and \second before this file is read."
        yield rf"\providecommand{{\best}}[1]{{{best}}}"
        yield rf"\providecommand{{\second}}[1]{{{second}}}"


def _table(table: Table, highlight: Highlight) -> Iterator[str]:
    environment = "table" if len(table.columns) <= _ONE_COLUMN else "table*"
    words = _WORDS[highlight] if table.kind == "scores" else ""
    label = table.label + ("-delta" if table.kind == "difference" else "")
    yield rf"\begin{{{environment}}}[t]"
    yield r"  \centering"
    yield rf"  \caption{{{' '.join(filter(None, [escape(table.caption), words]))}}}"
    yield rf"  \label{{tab:{label}}}"
    yield r"  \par\smallskip"
    yield r"  \small\setlength{\tabcolsep}{3.5pt}"
    # Shrinks a table that is wider than the text, and only such a one.
    yield r"  \resizebox{\ifdim\width>\linewidth \linewidth\else \width\fi}{!}{%"
    yield rf"  \begin{{tabular}}{{ll{'c' * len(table.columns)}}}"
    yield r"    \toprule"
    yield f"    {' & '.join(['Dataset', 'Method', *map(_head, table.columns)])} \\\\"
    for group in table.groups:
        yield r"    \midrule"
        yield from _group(group, table.columns, table.kind, highlight)
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


def _group(
    group: Group, columns: tuple[Column, ...], kind: Kind, highlight: Highlight
) -> Iterator[str]:
    for number_, row in enumerate(group.rows):
        first = "" if number_ else _dataset(group)
        cells = [_cell(c, k, kind, highlight) for c, k in zip(row.cells, columns, strict=True)]
        yield f"    {' & '.join([first, _title(row), *cells])} \\\\"


def _dataset(group: Group) -> str:
    title, n = escape(group.title), f"$n={group.n}$" + _superscript(group.notes)
    if len(group.rows) == 1:
        return f"{title} ({n})"
    return rf"\multirow{{{len(group.rows)}}}{{*}}{{\shortstack[l]{{{title}\\{n}}}}}"


def _title(row: Row) -> str:
    title = escape(row.title)
    return (title if row.key else rf"\textit{{{title}}}") + _superscript([row.published])


def _cell(cell: Cell, column: Column, kind: Kind, highlight: Highlight) -> str:
    text = number(cell, column, kind)
    if kind == "difference" and cell.value is not None:
        text = f"${text}$"
    if cell.mark and highlight is not Highlight.NONE:
        text = rf"\{cell.mark}{{{text}}}"
    return text + _superscript(cell.notes)


def _superscript(marks: Iterable[str]) -> str:
    text = escape(",".join(filter(None, marks)))
    return rf"\textsuperscript{{{text}}}" if text else ""
