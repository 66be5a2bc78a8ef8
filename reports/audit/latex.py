r"""LaTeX tables as grids.

Not TeX: a reader of what tables are made of. Macros of one argument that the file defines are
followed for the marks that they set (`\newcommand{\best}[1]{\textcolor{red}{#1}}`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from reports.audit.grid import NO_STYLES, Grid, GridCell, GridRow, Style
from reports.audit.tex import Reader, argument, group_at, styles_of_macros, without_comments

_TABULAR = re.compile(r"\\begin\{(tabular[xy*]?|longtable|tabulary)\}")
_FLOAT = re.compile(r"\\(begin|end)\{(?:wrap)?(?:side)?(?:table|longtable)\*?\}")
_RULES = re.compile(
    r"\\(?:top|mid|bottom|h)?(?:rule|line)\b(?:\[[^]]*\])?"
    r"|\\(?:c|cmid)(?:rule|line)\s*(?:\[[^]]*\])?\s*(?:\([^)]*\))?\s*\{[^}]*\}"
    r"|\\(?:addlinespace|noalign|specialrule)(?:\[[^]]*\])?(?:\{[^}]*\})*"
    r"|\\(?:rowcolor|arrayrulecolor)(?:\[[^]]*\])?\{[^}]*\}"
)


def read_latex(source: str, name: str) -> list[Grid]:
    """Return the tables of a LaTeX file.

    Args:
        source: its contents.
        name: what the tables are called after: `name, table 2`.
    """
    text = without_comments(source)
    macros = styles_of_macros(text)
    grids: list[Grid] = []
    for found in _TABULAR.finditer(text):
        start = _after_arguments(text, found.end(), found.group(1))
        end = text.find(rf"\end{{{found.group(1)}}}", start)
        if end < 0:
            continue
        rows = tuple(_rows(text, start, end, macros))
        caption = _caption(text, found.start(), macros)
        grids.append(Grid(name=f"{name}, table {len(grids) + 1}", rows=rows, caption=caption))
    return grids


def _after_arguments(text: str, at: int, environment: str) -> int:
    """Return where the rows of an environment begin, behind its width and column specification."""
    count = 2 if environment in ("tabular*", "tabularx", "tabulary") else 1
    while at < len(text) and text[at].isspace():
        at += 1
    if text[at : at + 1] == "[":
        at = text.find("]", at) + 1
    for _ in range(count):
        _, at = argument(text, at)
    return at


def _caption(text: str, at: int, macros: Mapping[str, frozenset[Style]]) -> str:
    """Return the caption of the float that holds the position `at`."""
    starts = [found for found in _FLOAT.finditer(text, 0, at) if found.group(1) == "begin"]
    end = next((f.start() for f in _FLOAT.finditer(text, at) if f.group(1) == "end"), len(text))
    start = starts[-1].start() if starts else at
    found = re.search(r"\\caption\s*(?:\[[^]]*\])?\s*(?=\{)", text[start:end])
    if not found:
        return ""
    body, _ = group_at(text, start + found.end())
    return Reader(body, macros).read().text


def _rows(
    text: str, start: int, end: int, macros: Mapping[str, frozenset[Style]]
) -> Iterator[GridRow]:
    line = text.count("\n", 0, start) + 1
    for row in _split(text[start:end], r"\\"):
        plain = _RULES.sub(" ", re.sub(r"^\s*\*?\[[^]]*\]", "", row))
        first = line + plain[: len(plain) - len(plain.lstrip())].count("\n")
        line += row.count("\n")
        cells = tuple(_cell(cell, macros) for cell in _split(plain, "&"))
        if any(cell.text for cell in cells):
            yield GridRow(cells=cells, line=first)


def _split(text: str, separator: str) -> Iterator[str]:
    """Yield the parts of `text` between separators outside all braces and environments."""
    depth = start = at = 0
    while at < len(text):
        here = text[at]
        if depth == 0 and text.startswith(separator, at):
            yield text[start:at]
            at += len(separator)
            start = at
            continue
        if here == "\\":
            at += 2  # an escaped brace or separator
            continue
        depth += (here == "{") - (here == "}")
        at += 1
    yield text[start:]


def _cell(text: str, macros: Mapping[str, frozenset[Style]]) -> GridCell:
    read = Reader(text, macros).read()
    return GridCell(
        text=" ".join(read.text.split()),
        styles=read.styles if read.text.strip() else NO_STYLES,
        columns=read.columns,
        rows=read.rows,
    )
