"""Tables of text that are not scores: one structure for terminal, Markdown and LaTeX."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports.tables import latex, markdown
from reports.tables.text import one_line

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """A table whose cells are text already."""

    caption: str
    label: str  # part of a LaTeX label
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1  # columns at the left edge that hold names; the others hold numbers
    notes: tuple[str, ...] = ()  # sentences below the table


def show(table: Plain, console: Console) -> None:
    """Print a table on a console."""
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False)
    for index, column in enumerate(table.columns):
        drawn.add_column(
            Text(column), justify="left" if index < table.left else "right", overflow="fold"
        )
    for row in table.rows:
        drawn.add_row(*(Text(one_line(cell)) for cell in row))
    if not console.is_terminal:
        console.width = max(console.width, 400)  # a pipe has no edge to fold at
    console.print(drawn)
    for line in (table.caption, *table.notes):
        console.print(one_line(line), markup=False, highlight=False, soft_wrap=True)


def to_markdown(table: Plain) -> str:
    """Return a table as Markdown."""
    rules = ["---" if i < table.left else "---:" for i in range(len(table.columns))]
    lines = [f"**{markdown.escape(table.caption)}**", ""]
    lines += [markdown.line(map(markdown.escape, table.columns)), markdown.line(rules)]
    lines += [markdown.line(map(markdown.escape, row)) for row in table.rows]
    for note in table.notes:
        lines += ["", markdown.escape(note)]
    return "\n".join(lines) + "\n"


def to_latex(table: Plain) -> str:
    r"""Return a table as LaTeX source to be read by `\input`; it needs `booktabs`, `graphicx`."""
    return "\n".join(_latex(table)) + "\n"


def _latex(table: Plain) -> Iterator[str]:
    columns = "l" * table.left + "r" * (len(table.columns) - table.left)
    yield r"% Needs in the preamble: \usepackage{booktabs,graphicx}"
    yield r"\begin{table}[t]"
    yield r"  \centering"
    yield rf"  \caption{{{' '.join(map(latex.escape, (table.caption, *table.notes)))}}}"
    yield rf"  \label{{tab:{table.label}}}"
    yield r"  \par\smallskip"
    yield r"  \small\setlength{\tabcolsep}{3.5pt}"
    yield latex.SHRINK
    yield rf"  \begin{{tabular}}{{{columns}}}"
    yield r"    \toprule"
    yield f"    {' & '.join(map(latex.escape, table.columns))} \\\\"
    yield r"    \midrule"
    for row in table.rows:
        yield f"    {' & '.join(map(latex.escape, row))} \\\\"
    yield r"    \bottomrule"
    yield r"  \end{tabular}}"
    yield r"\end{table}"
