"""The text of a piece of LaTeX, character by character with the styles that it is set in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from reports.audit.colours import colour, rank_of_name
from reports.audit.commands import (
    ARGUMENTS,
    NOTHING,
    SCRIPTS,
    STYLES,
    SWITCHES,
    SYMBOLS,
    TABULARS,
)
from reports.audit.grid import PLAIN, GridCell, Style, Styles, cell_of
from reports.audit.macros import Macro, group_at

_DEEPEST = 40  # nested groups and macros; a paper has ten
_WIDEST = 100  # columns that a cell may span
_MOST = 20_000  # characters of a cell, and commands expanded in it
_COMMAND = re.compile(r"\\([A-Za-z@]+)\*?|\\(.)", re.DOTALL)
_BRACKET = re.compile(r"\s*\[((?:[^\[\]{}]|\{[^{}]*\})*)\]")
_NO_RANK = re.compile(r"[^\d]*|.*\d.*[^\d\s].*", re.DOTALL)  # what is no lone number


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """What a paper defines."""

    macros: Mapping[str, Macro] = field(default_factory=dict)
    colours: Mapping[str, str] = field(default_factory=dict)


def argument(text: str, at: int) -> tuple[str, int]:
    """Return the argument that follows `at` and where it ends: a group, command or character."""
    while at < len(text) and text[at].isspace():
        at += 1
    if text[at : at + 1] == "{":
        return group_at(text, at)
    found = _COMMAND.match(text, at)
    return (found.group(), found.end()) if found else (text[at : at + 1], at + 1)


def read_cell(text: str, known: Vocabulary) -> GridCell:
    """Return what a cell or a caption says."""
    reader = _Reader(known)
    reader.read(text, PLAIN, math=False)
    return reader.cell()


class _Reader:
    """Reads one cell. Its state is what it has read so far; where it is, is on the stack."""

    def __init__(self, known: Vocabulary) -> None:
        self._known = known
        self._characters: list[tuple[str, Styles]] = []
        self._whole: set[Style] = set()  # styles of the cell itself: its background
        self._columns = self._rows = 1
        self._unread = ""
        self._work = self._depth = 0

    def cell(self) -> GridCell:
        """Return what was read."""
        if not any(not character.isspace() for character, _ in self._characters):
            # A command that nobody knows may print a name: it is better than none.
            text = " ".join(style for style in sorted(self._whole) if style.startswith("\\"))
            self._characters = [(character, PLAIN) for character in text]
        whole = frozenset(self._whole)
        return cell_of(
            ((character, styles | whole) for character, styles in self._characters),
            columns=self._columns,
            rows=self._rows,
            unread=self._unread,
        )

    def read(self, text: str, styles: Styles, *, math: bool) -> None:
        """Read a group: what it switches on ends with it."""
        self._depth += 1
        at = 0
        while at < len(text) and self._depth <= _DEEPEST and self._work < _MOST:
            self._work += 1
            here = text[at]
            if here == "\\":
                at, styles = self._command(text, at, styles, math=math)
                continue
            if here == "{":
                body, at = group_at(text, at)
                self.read(body, styles, math=math)
                continue
            at += 1
            if here == "$":
                math = not math
            elif here in "^_" and math:
                script, at = argument(text, at)
                self._script(here, script, styles)
            elif here != "}":
                self._write(" " if here == "~" else here, styles)
        if at < len(text):
            self._unread = "nested too deeply"
        self._depth -= 1

    def _write(self, text: str, styles: Styles) -> None:
        self._characters += [(character, styles) for character in text]

    def _text(self) -> str:
        return "".join(character for character, _ in self._characters)

    def _script(self, kind: str, script: str, styles: Styles) -> None:
        """Leave out spreads and letters, and keep signs; a number may be a rank or an exponent."""
        said = read_cell(script, self._known).text if self._depth < _DEEPEST else ""
        if kind == "_":
            return
        if _NO_RANK.fullmatch(said):
            self._write("".join(sign for sign in said if sign in "†‡§¶*"), styles)
            return
        if re.search(r"(?:×|·|\*)\s*10$|e$", self._text()):
            self._write(f"^{said}", styles)
        else:
            self._whole.add(f"superscript {said}")

    def _command(self, text: str, at: int, styles: Styles, *, math: bool) -> tuple[int, Styles]:
        """Read the command at `at`; return the position behind it and the styles from there on."""
        found = _COMMAND.match(text, at)
        if not found:  # a lone backslash at the end
            return at + 1, styles
        at, (name, symbol) = found.end(), found.groups()
        if symbol is not None:
            if symbol == "\\":
                at = self._optional(text, at)[1]  # the space below a line
            nothing = symbol in "()[]!"  # \( is mathematics, \! takes space away
            self._write(symbol if symbol in "%&#_{}$" else "" if nothing else " ", styles)
        elif name in STYLES and self._sets_argument(name):
            return self._dressed(text, at, styles, STYLES[name], math=math)
        elif name in self._known.macros:
            return self._macro(text, at, styles, name, math=math), styles
        elif name in SWITCHES:
            return at, styles | SWITCHES[name]
        elif name in SYMBOLS:
            self._write(SYMBOLS[name], styles)
        elif name in ARGUMENTS:
            return self._arguments(text, at, styles, ARGUMENTS[name], math=math), styles
        elif name in _SPECIAL:
            return _SPECIAL[name](self, name, text, at, styles)
        elif name not in NOTHING:
            return self._unknown(text, at, styles, name, math=math)
        return at, styles

    def _sets_argument(self, name: str) -> bool:
        """Whether a command of this name is the style, and not a paper's own of another form."""
        own = self._known.macros.get(name)
        return own is None or own.arguments == 1

    def _dressed(
        self, text: str, at: int, styles: Styles, more: Styles, *, math: bool
    ) -> tuple[int, Styles]:
        body, at = argument(text, at)
        self.read(body, styles | more, math=math)
        return at, styles

    def _arguments(self, text: str, at: int, styles: Styles, form: str, *, math: bool) -> int:
        """Read arguments by their form: `+` is text, `-` is none, `?` stands in brackets."""
        at = self._optional(text, at)[1]
        for kind in form:
            if kind == "?":
                at = self._optional(text, at)[1]
                continue
            body, at = argument(text, at)
            if kind == "+":
                self.read(body, styles, math=math)
        return at

    @staticmethod
    def _optional(text: str, at: int) -> tuple[str | None, int]:
        """Return an argument in brackets, if there is one, and the position behind it."""
        found = _BRACKET.match(text, at)
        return (found.group(1), found.end()) if found else (None, at)

    def _macro(self, text: str, at: int, styles: Styles, name: str, *, math: bool) -> int:
        macro = self._known.macros[name]
        given: list[str] = []
        if macro.default is not None:
            optional, at = self._optional(text, at)
            given.append(macro.default if optional is None else optional)
        while len(given) < macro.arguments:
            body, at = argument(text, at)
            given.append(body)
        self._work += 50
        self.read(macro.expanded(given), styles, math=math)
        return at

    def _unknown(
        self, text: str, at: int, styles: Styles, name: str, *, math: bool
    ) -> tuple[int, Styles]:
        """Read on with a command that is not known as a style, which may be a mark."""
        try:
            letter = unicodedata.lookup(f"GREEK SMALL LETTER {name.upper()}")
        except KeyError:
            pass
        else:
            self._write(letter, styles)
            return at, styles
        style = frozenset([f"\\{name}"])
        at = self._optional(text, at)[1]
        groups = 0
        while at < len(text) and text[at] == "{":
            body, at = group_at(text, at)
            self.read(body, styles | style, math=math)
            groups += 1
        if groups > 1:
            self._unread = f"\\{name}{{...}}{{...}}"
        if not groups and not text[at:].strip(" }$"):
            self._whole |= style
        return (at, styles) if groups else (at, styles | style)

    def _coloured(self, name: str, text: str, at: int, styles: Styles) -> tuple[int, Styles]:
        hue, at = self._colour(text, at, "text" if name == "textcolor" else "background")
        body, at = argument(text, at)
        self.read(body, styles | hue, math=False)
        return at, styles

    def _colour_from_here(
        self, name: str, text: str, at: int, styles: Styles
    ) -> tuple[int, Styles]:
        hue, at = self._colour(text, at, "text")
        return at, styles | hue

    def _background(self, name: str, text: str, at: int, styles: Styles) -> tuple[int, Styles]:
        hue, at = self._colour(text, at, "background")
        self._whole |= hue
        return at, styles

    def _colour(self, text: str, at: int, of: str) -> tuple[Styles, int]:
        model, at = self._optional(text, at)
        colour_name, at = argument(text, at)
        rank = rank_of_name(colour_name)
        if rank:
            return frozenset([rank]), at
        hue = colour(colour_name, model or "", self._known.colours)
        return (PLAIN if hue in ("black", "white", ".") else frozenset([f"{hue} {of}"])), at

    def _span(self, name: str, text: str, at: int, styles: Styles) -> tuple[int, Styles]:
        at = self._optional(text, at)[1]
        count, at = argument(text, at)
        at = self._optional(text, at)[1]
        _, at = argument(text, at)  # width, or alignment
        at = self._optional(text, at)[1]
        body, at = argument(text, at)
        self.read(body, styles, math=False)
        found = re.search(r"-?\d{1,4}", count)
        span = int(found.group()) if found else 1
        if name == "multicolumn":
            self._columns = min(max(1, span), _WIDEST)
        else:
            self._rows = span or 1
        return at, styles

    def _set_cell(self, name: str, text: str, at: int, styles: Styles) -> tuple[int, Styles]:
        r"""Read tabularray's `\SetCell[c=2]{bg=red}`; its styles are kept as unread."""
        spans, at = self._optional(text, at)
        options, at = argument(text, at)
        for side, number in re.findall(r"([cr])\s*=\s*(\d{1,4})", spans or ""):
            if side == "c":
                self._columns = min(max(1, int(number)), _WIDEST)
            else:
                self._rows = max(1, int(number))
        if re.search(r"\b(?:bg|fg|font|cmd)\b", options):
            self._whole.add(r"\SetCell")
        return at, styles

    def _environment(self, name: str, text: str, at: int, styles: Styles) -> tuple[int, Styles]:
        environment, at = argument(text, at)
        if environment.rstrip("*") in TABULARS:
            at = self._optional(text, at)[1]
            _, at = argument(text, at)
        self._write(" ", styles)
        return at, styles

    def _end(self, name: str, text: str, at: int, styles: Styles) -> tuple[int, Styles]:
        _, at = argument(text, at)
        return at, styles

    def _raised(self, name: str, text: str, at: int, styles: Styles) -> tuple[int, Styles]:
        body, at = argument(text, at)
        self._script("^", body, styles)
        return at, styles


_SPECIAL = {
    "textcolor": _Reader._coloured, "color": _Reader._colour_from_here,
    "colorbox": _Reader._coloured, "cellcolor": _Reader._background,
    "multirow": _Reader._span, "multicolumn": _Reader._span, "SetCell": _Reader._set_cell,
    "begin": _Reader._environment, "end": _Reader._end,
    **dict.fromkeys(SCRIPTS, _Reader._raised),
}  # fmt: skip
