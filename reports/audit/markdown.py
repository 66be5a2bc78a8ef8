"""Markdown tables as grids."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

from reports.audit.colours import colour
from reports.audit.grid import Grid, GridCell, GridRow, Style, cell_of
from reports.audit.tex import Vocabulary, read_cell

_RULE = re.compile(r"\s*\|?\s*:?-{1,}:?\s*(?:\|\s*:?-{1,}:?\s*)*\|?\s*$")
_SEPARATOR = re.compile(r"(?<!\\)\|")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_MARKUP: tuple[tuple[re.Pattern[str], Style], ...] = (
    (re.compile(r"(?<!\\)(?:\*\*|__)|<(?:b|strong)>"), "bold"),
    (re.compile(r"<(?:u|ins)>"), "underline"),
    (re.compile(r"<(?:mark)\b"), "highlight"),
    (re.compile(r"(?<![*\\])\*(?!\*)|(?<![_\\\w])_(?!_)|<(?:i|em)>"), "italic"),
    (re.compile("~~|<(?:s|del)>"), "strike"),
    (re.compile("🥇"), "🥇"),
    (re.compile("🥈"), "🥈"),
    (re.compile("🥉"), "🥉"),
)
_COLOUR = re.compile(
    r"""<[^>]*?(?P<of>bg|background(?:-color)?|(?<!-)color)\s*[=:]\s*["']?\s*"""
    r"(?P<name>#?\w+|rgb\([^)]*\))"
)


def read_markdown(source: str, name: str) -> list[Grid]:
    """Return the tables of a Markdown file.

    Args:
        source: its contents.
        name: what the tables are called after.
    """
    blank = _COMMENT.sub(lambda found: "\n" * found.group().count("\n"), source)
    lines = blank.splitlines()
    grids: list[Grid] = []
    for number, line in enumerate(lines):
        head = lines[number - 1] if number else ""
        if _RULE.match(line) and "|" in line and "|" in head:
            rows = tuple(_rows(lines, number))
            caption = _caption(lines[: number - 1])
            grids.append(Grid(name=f"{name}, table {len(grids) + 1}", rows=rows, caption=caption))
    return grids


def _rows(lines: Sequence[str], rule: int) -> Iterator[GridRow]:
    yield GridRow(cells=_cells(lines[rule - 1]), line=rule)
    for number, line in enumerate(lines[rule + 1 :], start=rule + 2):
        if "|" not in line or not line.strip():
            return
        yield GridRow(cells=_cells(line), line=number)


def _caption(above: Sequence[str]) -> GridCell:
    """Return the paragraph or heading right above a table."""
    text = next((line for line in reversed(above) if line.strip()), "")
    return GridCell() if "|" in re.sub(r"\\\|", "", text) else _cell(text.lstrip("# "))


def _cells(line: str) -> tuple[GridCell, ...]:
    text = line.strip()
    text = text.removeprefix("|")
    if text.endswith("|") and not text.endswith(r"\|"):
        text = text[:-1]
    return tuple(_cell(part) for part in _SEPARATOR.split(text))


def _cell(text: str) -> GridCell:
    styles = {style for pattern, style in _MARKUP if pattern.search(text)} | _colours(text)
    for raised in re.findall(r"<sup>\s*(\d+)\s*</sup>", text):
        styles.add(f"superscript {raised}")
    text = re.sub(r"<sup>(.*?)</sup>", lambda raised: re.sub("[^†‡§¶*]", "", raised[1]), text)
    text = re.sub(r"<[^>]+>|[🥇🥈🥉]", "", text)
    if "$" in re.sub(r"\\\$", "", text):  # mathematics: GitHub renders it
        cell = read_cell(text, Vocabulary())
        text, styles = cell.text, styles | cell.styles(0, len(cell.text))
    text = re.sub(r"(?<!\\)(?:\*{1,3}|_{2}|~~|`)", "", text)
    text = re.sub(r"\\([\\`*_\[\]<>|~&#$!{}().+-])", r"\1", html.unescape(text))
    return cell_of((character, frozenset(styles)) for character in text)


def _colours(text: str) -> set[Style]:
    found = set()
    for match in _COLOUR.finditer(text):
        name = match["name"].removesuffix(")").removeprefix("rgb(")
        hue = colour(name, "RGB" if "," in name else "")
        if hue not in ("black", "white"):
            found.add(f"{hue} {'text' if match['of'] == 'color' else 'background'}")
    return found
