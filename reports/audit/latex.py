r"""LaTeX tables as grids.

Not TeX: a reader of what tables are made of. The commands and colours that the files define are
followed; what it does not know is kept by its name, for the audit to say so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from reports.audit.commands import TABULARS
from reports.audit.grid import Grid, GridCell, GridRow
from reports.audit.macros import group_at
from reports.audit.tex import Vocabulary, argument, read_cell

_NAMES = "|".join(TABULARS)
_BEGIN = re.compile(rf"\\begin\s*\{{({_NAMES})(\*?)\}}")
_EDGE = re.compile(rf"\\(begin|end)\s*\{{(?:{_NAMES})\*?\}}")
_FLOAT = re.compile(r"\\(begin|end)\{(?:wrap)?(?:side)?(?:table|longtable|longtblr)\*?\}")
_RULE = re.compile(
    r"\\(?:top|mid|bottom|h)(?:rule|line)\b(?:\[[^]]*\])?|\\Xhline\s*\{[^}]*\}"
    r"|\\specialrule(?:\{[^}]*\}){0,3}|\\hdashline(?:\[[^]]*\])?"
)
_OTHER_RULES = re.compile(
    r"\\(?:c|cmid|cdash)(?:rule|line)\s*(?:\[[^]]*\])?\s*(?:\([^)]*\))?\s*\{[^}]*\}"
    r"|\\(?:addlinespace|noalign)(?:\[[^]]*\])?(?:\{[^}]*\})?"
    r"|\\(?:rowcolor|arrayrulecolor|columncolor)\s*(?:\[[^]]*\])?\s*\{[^}]*\}(?:\[[^]]*\]){0,2}"
)
_TABULARRAY = re.compile(r"\b(?:cell|row|column|hspan)s?\s*(?:\{[^}]*\})+\s*=\s*\{([^}]*)\}")
_TWO_ARGUMENTS = ("tabularx", "tabulary", "xltabular", "NiceTabularX")


def read_latex(text: str, name: str, known: Vocabulary) -> list[Grid]:
    """Return the tables of a LaTeX text.

    Args:
        text: without comments.
        name: what the tables are called after: `name, table 2`.
        known: the commands and colours that the paper defines.
    """
    grids: list[Grid] = []
    behind = 0
    for found in _BEGIN.finditer(text):
        if found.start() < behind:
            continue  # inside a cell of the last one
        start, specification = _behind_arguments(text, found)
        end, behind = _end(text, found.start())
        if start >= end:
            continue
        grids.append(
            Grid(
                name=f"{name}, table {len(grids) + 1}",
                rows=tuple(_rows(text, start, end, known)),
                caption=_caption(text, found.start(), known),
                line=text.count("\n", 0, found.start()) + 1,
                unread=_styles_of_positions(found.group(1), specification),
            )
        )
    return grids


def _behind_arguments(text: str, found: re.Match[str]) -> tuple[int, str]:
    """Return where the rows of an environment begin, and its column specification."""
    at = found.end()
    optional = re.compile(r"\s*\[[^]]*\]")
    if bracket := optional.match(text, at):
        at = bracket.end()
    specification = ""
    for _ in range(2 if found.group(2) or found.group(1) in _TWO_ARGUMENTS else 1):
        specification, at = argument(text, at)
        if bracket := optional.match(text, at):
            at = bracket.end()
    return at, specification


def _end(text: str, at: int) -> tuple[int, int]:
    r"""Return where the `\end` of the environment that begins at `at` starts and ends."""
    depth = 0
    for edge in _EDGE.finditer(text, at):
        depth += 1 if edge.group(1) == "begin" else -1
        if depth == 0:
            return edge.start(), edge.end()
    return -1, len(text)


def _styles_of_positions(environment: str, specification: str) -> tuple[str, ...]:
    """Return what of a tabularray specification styles cells by their positions."""
    if "tblr" not in environment:
        return ()
    return tuple(
        found.group()
        for found in _TABULARRAY.finditer(specification)
        if re.search(r"\b(?:bg|fg|font|cmd)\b", found.group(1))
    )


def _caption(text: str, at: int, known: Vocabulary) -> GridCell:
    """Return the caption of the float that holds the position `at`."""
    starts = [found for found in _FLOAT.finditer(text, 0, at + 1) if found.group(1) == "begin"]
    end = next((f.start() for f in _FLOAT.finditer(text, at) if f.group(1) == "end"), len(text))
    start = starts[-1].start() if starts else at
    found = re.search(r"\\caption(?:of\s*\{[^}]*\})?\*?\s*(?:\[[^]]*\])?\s*(?=\{)", text[start:end])
    if not found:
        return GridCell()
    body, _ = group_at(text, start + found.end())
    return read_cell(body, known)


def _rows(text: str, start: int, end: int, known: Vocabulary) -> Iterator[GridRow]:
    line, group = text.count("\n", 0, start) + 1, 0
    for row in _split(text[start:end], ("\\\\", r"\tabularnewline")):
        plain = re.sub(r"^\s*(?:\*?\[[^]]*\]|\*)", "", row)
        group += bool(_RULE.search(plain))
        plain = _OTHER_RULES.sub(" ", _RULE.sub(" ", plain))
        first = line + plain[: len(plain) - len(plain.lstrip())].count("\n")
        line += row.count("\n")
        cells = tuple(read_cell(cell, known) for cell in _split(plain, ("&",)))
        if any(cell.text for cell in cells):
            yield GridRow(cells=cells, line=first, group=group)


def _split(text: str, separators: tuple[str, ...]) -> Iterator[str]:
    """Yield the parts of `text` between separators outside all braces and environments."""
    depth = start = at = 0
    while at < len(text):
        found = next((one for one in separators if text.startswith(one, at)), "")
        if depth == 0 and found:
            yield text[start:at]
            at += len(found)
            start = at
            continue
        if edge := re.compile(r"\\(begin|end)\s*(?=\{)").match(text, at):
            depth += 1 if edge.group(1) == "begin" else -1
            at = edge.end()
            continue
        if text[at] == "\\":
            at += 2  # an escaped brace or separator
            continue
        depth += (text[at] == "{") - (text[at] == "}")
        at += 1
    yield text[start:]
