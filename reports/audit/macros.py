r"""The commands that a paper defines: `\newcommand{\best}[1]{\textbf{#1}}`, `\def\snd#1{...}`."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NEW = re.compile(
    r"\\(?:new|renew|provide)command\*?\s*|\\DeclareRobustCommand\*?\s*"
    r"|\\(?:New|Renew|Provide|Declare)DocumentCommand\s*|\\(?:g|e)?def\s*(?=\\)|\\let\s*(?=\\)"
)
_NAME = re.compile(r"\{?\s*\\([A-Za-z@]+)\s*\}?")
_COUNT = re.compile(r"\s*\[(\d)\]")
_OPTIONAL = re.compile(r"\s*\[((?:[^\[\]{}]|\{[^{}]*\})*)\]")
_PARAMETERS = re.compile(r"((?:\s*#\d)*)\s*(?=\{)")
_LET = re.compile(r"\s*=?\s*\\([A-Za-z@]+)")
_LONGEST = 5_000  # characters of a replacement: a paper's macros are far below


@dataclass(frozen=True, slots=True, kw_only=True)
class Macro:
    """A command of the paper's own."""

    arguments: int
    body: str
    default: str | None = None  # of the first argument, where that is optional

    def expanded(self, arguments: list[str]) -> str:
        """Return the replacement text; empty where it would grow beyond all measure."""
        text = re.sub(
            r"#(\d)",
            lambda found: (["", *arguments, *[""] * 9])[int(found.group(1))],
            self.body,
        )
        return text if len(text) <= _LONGEST else ""


def group_at(text: str, at: int) -> tuple[str, int]:
    """Return the contents of the group that opens at `at`, and the position behind it."""
    depth = 0
    for found in re.compile(r"\\.|[{}]", re.DOTALL).finditer(text, at):
        depth += {"{": 1, "}": -1}.get(found.group(), 0)
        if depth == 0:
            return text[at + 1 : found.start()], found.end()
    return text[at + 1 :], len(text)


def definitions(source: str) -> dict[str, Macro]:
    """Return the commands that a text defines, the last definition of each."""
    found: dict[str, Macro] = {}
    for start in _NEW.finditer(source):
        name = _NAME.match(source, start.end())
        if not name:
            continue
        kind = start.group()
        macro = (
            _let(source, name.end(), found)
            if r"\let" in kind
            else _definition(source, name.end(), kind)
        )
        if macro:
            found[name.group(1)] = macro
    return found


def _let(source: str, at: int, known: dict[str, Macro]) -> Macro | None:
    other = _LET.match(source, at)
    if not other:
        return None
    return known.get(other.group(1), Macro(arguments=0, body=rf"\{other.group(1)} "))


def _definition(source: str, at: int, kind: str) -> Macro | None:
    count, default = 0, None
    if "DocumentCommand" in kind:
        specification, at = (
            group_at(source, source.find("{", at)) if "{" in source[at:] else ("", at)
        )
        count = specification.count("m")
        if specification.replace(" ", "").strip("m"):
            return None  # stars, optional and delimited arguments
    elif "def" in kind:
        parameters = _PARAMETERS.match(source, at)
        if not parameters:
            return None  # delimited arguments
        count, at = parameters.group(1).count("#"), parameters.end()
    else:
        if number := _COUNT.match(source, at):
            count, at = int(number.group(1)), number.end()
        if optional := _OPTIONAL.match(source, at):
            default, at = optional.group(1), optional.end()
    brace = re.compile(r"\s*(?=\{)").match(source, at)
    if not brace:
        return None
    body, _ = group_at(source, brace.end())
    return Macro(arguments=count, body=body, default=default)
