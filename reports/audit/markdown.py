"""Markdown tables as grids."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

from reports.audit.grid import Grid, GridCell, GridRow, Style
from reports.audit.tex import Reader

_RULE = re.compile(r"\s*\|?\s*:?-{1,}:?\s*(?:\|\s*:?-{1,}:?\s*)*\|?\s*$")
_SEPARATOR = re.compile(r"(?<!\\)\|")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_MARKUP: tuple[tuple[re.Pattern[str], Style], ...] = (
    (re.compile(r"(?<!\\)(?:\*\*|__)|<(?:b|strong)>"), "bold"),
    (re.compile(r"<(?:u|ins)>"), "underline"),
    (re.compile(r"""<[^>]*color\s*[=:]\s*["']?\s*red\b"""), "red"),
    (re.compile(r"""<[^>]*color\s*[=:]\s*["']?\s*blue\b"""), "blue"),
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


def _caption(above: Sequence[str]) -> str:
    """Return the paragraph or heading right above a table."""
    text = next((line for line in reversed(above) if line.strip()), "")
    return "" if "|" in re.sub(r"\\\|", "", text) else _cell(text.lstrip("# ")).text


def _cells(line: str) -> tuple[GridCell, ...]:
    text = line.strip()
    text = text.removeprefix("|")
    if text.endswith("|") and not text.endswith(r"\|"):
        text = text[:-1]
    return tuple(_cell(part) for part in _SEPARATOR.split(text))


def _cell(text: str) -> GridCell:
    styles = {style for pattern, style in _MARKUP if pattern.search(text)}
    text = re.sub(r"<sup>(.*?)</sup>", lambda raised: re.sub("[^†‡§¶*]", "", raised[1]), text)
    text = re.sub(r"<[^>]+>", "", text)
    if "$" in re.sub(r"\\\$", "", text):  # mathematics: GitHub renders it
        read = Reader(text, {}).read()
        text, styles = read.text, styles | read.styles
    text = re.sub(r"(?<!\\)(?:\*{1,2}|_{2}|`)", "", text)
    text = re.sub(r"\\([\\`*_\[\]<>|~&#$!{}().+-])", r"\1", html.unescape(text))
    return GridCell(text=" ".join(text.split()), styles=frozenset(styles))
