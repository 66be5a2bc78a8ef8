"""The text of a piece of LaTeX, and the styles that are set in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from reports.audit.grid import NO_STYLES, Style

_DEEPEST = 40  # nested groups; a paper has five
_STYLES: Mapping[str, Style] = {
    "textbf": "bold", "mathbf": "bold", "boldsymbol": "bold", "bm": "bold", "bf": "bold",
    "bfseries": "bold", "underline": "underline", "uline": "underline", "ul": "underline",
    "best": "best", "first": "best", "fst": "best", "second": "second", "snd": "second",
    "secondbest": "second",
}  # fmt: skip
_COLOURS: Mapping[str, Style] = {"red": "red", "blue": "blue"}
_SYMBOLS = {
    "uparrow": "↑", "downarrow": "↓", "pm": "±", "times": "×", "dag": "†", "ddag": "‡",
    "dagger": "†", "ddagger": "‡", "S": "§", "P": "¶",
    "textasciitilde": "~", "textbackslash": "\\", "textless": "<", "textgreater": ">",
    "textbar": "|", "textasciicircum": "^", "quad": " ", "qquad": " ",
}  # fmt: skip
# Commands whose arguments are not part of what a cell says.
_DROPPED = {
    "cite": 1, "citep": 1, "citet": 1, "ref": 1, "label": 1, "footnote": 1,
    "hspace": 1, "vspace": 1, "cellcolor": 1, "fontsize": 2, "setlength": 2, "phantom": 1,
}  # fmt: skip
_DEFINITION = re.compile(
    r"\\(?:new|renew|provide)command\*?\s*\{?\s*\\([A-Za-z]+)\s*\}?\s*\[1\]\s*(?=\{)"
    r"|\\def\s*\\([A-Za-z]+)\s*#1\s*(?=\{)"
)
_COMMAND = re.compile(r"\\([A-Za-z]+)\*?|\\(.)", re.DOTALL)


def without_comments(source: str) -> str:
    """Return LaTeX without its comments; the lines stay where they were."""
    return re.sub(r"(?<!\\)((?:\\\\)*)%[^\n]*", r"\1", source)


def group_at(text: str, at: int) -> tuple[str, int]:
    """Return the contents of the group that opens at `at`, and the position behind it."""
    depth = 0
    for found in re.finditer(r"\\.|[{}]", text[at:], re.DOTALL):
        depth += {"{": 1, "}": -1}.get(found.group(), 0)
        if depth == 0:
            return text[at + 1 : at + found.start()], at + found.end()
    return text[at + 1 :], len(text)


def argument(text: str, at: int) -> tuple[str, int]:
    """Return the argument that follows `at` and where it ends: a group, command or character."""
    while at < len(text) and text[at].isspace():
        at += 1
    if text[at : at + 1] == "{":
        return group_at(text, at)
    found = _COMMAND.match(text, at)
    return (found.group(), found.end()) if found else (text[at : at + 1], at + 1)


def styles_of_macros(text: str) -> dict[str, frozenset[Style]]:
    """Return the styles that the macros of one argument set which a file defines."""
    bodies = {}
    for found in _DEFINITION.finditer(text):
        bodies[found.group(1) or found.group(2)], _ = group_at(text, found.end())
    styles: dict[str, frozenset[Style]] = {}
    for name, body in bodies.items():
        named = _STYLES.get(name)
        styles[name] = frozenset([named]) if named else Reader(body, styles).read().styles
    return styles


@dataclass(slots=True)
class Read:
    """What a piece of LaTeX says."""

    text: str = ""
    styles: frozenset[Style] = NO_STYLES
    columns: int = 1
    rows: int = 1


class Reader:
    """Reads one cell, caption or macro body."""

    def __init__(self, text: str, macros: Mapping[str, frozenset[Style]], depth: int = 0) -> None:
        self._text = text
        self._macros = macros
        self._depth = depth
        self._at = 0
        self._math = False
        self._read = Read()

    def read(self) -> Read:
        """Return what the text says."""
        while self._at < len(self._text) and self._depth < _DEEPEST:
            self._step()
        return self._read

    def _step(self) -> None:
        here = self._text[self._at]
        if here == "\\":
            self._command()
            return
        if here == "{":
            body, self._at = group_at(self._text, self._at)
            self._inner(body)
            return
        self._at += 1
        if here == "$":
            self._math = not self._math
        elif here in "^_" and self._math:
            self._raised()
        elif here == "~":
            self._read.text += " "
        elif here != "}":
            self._read.text += here

    def _command(self) -> None:
        found = _COMMAND.match(self._text, self._at)
        if not found:  # a lone backslash at the end
            self._at += 1
            return
        self._at = found.end()
        name, symbol = found.groups()
        if symbol is not None:
            self._read.text += symbol if symbol in "%&#_{}$" else " "
        elif name in self._macros or name in _STYLES:
            known = self._macros.get(name)
            self._read.styles |= {_STYLES[name]} if known is None else known
        elif name in _SYMBOLS:
            self._read.text += _SYMBOLS[name]
        elif name in ("textcolor", "color"):
            colour, self._at = argument(self._text, self._optional())
            self._read.styles |= {_COLOURS[colour]} if colour in _COLOURS else NO_STYLES
        elif name in ("multirow", "multicolumn"):
            self._span(name)
        elif name == "textsuperscript":
            self._raised()
        elif name in _DROPPED:
            self._at = self._optional()
            for _ in range(_DROPPED[name]):
                _, self._at = argument(self._text, self._at)
        else:
            self._at = self._optional()  # \makecell[l]{...}: its argument is read as a group

    def _raised(self) -> None:
        """Keep the signs of footnotes, and drop what else is raised: letters, a spread."""
        body, self._at = argument(self._text, self._at)
        said = Reader(body, self._macros, self._depth + 1).read().text
        self._read.text += "".join(character for character in said if character in "†‡§¶*")

    def _optional(self) -> int:
        """Return the position behind an optional argument."""
        found = re.compile(r"\s*\[[^][]*\]").match(self._text, self._at)
        return found.end() if found else self._at

    def _span(self, name: str) -> None:
        self._at = self._optional()
        count, self._at = argument(self._text, self._at)
        self._at = self._optional()
        _, self._at = argument(self._text, self._at)  # width, or alignment
        self._at = self._optional()
        body, self._at = argument(self._text, self._at)
        digits = re.sub(r"\D", "", count)
        span = int(digits[:4]) if digits else 1
        inner = self._inner(body)
        columns, rows = (span, inner.rows) if name == "multicolumn" else (inner.columns, span)
        self._read.columns, self._read.rows = max(1, columns), max(1, rows)

    def _inner(self, body: str) -> Read:
        inner = Reader(body, self._macros, self._depth + 1)
        inner._math = self._math
        read = inner.read()
        self._read.text += read.text
        self._read.styles |= read.styles
        self._read.columns = max(self._read.columns, read.columns)
        self._read.rows = max(self._read.rows, read.rows)
        return read
