"""The formats by name."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING

from benchmarks.api.errors import UsageError
from reports.tables import data, latex, markdown
from reports.tables.text import Highlight

if TYPE_CHECKING:
    from reports.tables.model import Report


class Format(StrEnum):
    """How a report is written down."""

    TERMINAL = "terminal"
    MARKDOWN = "md"
    LATEX = "latex"
    CSV = "csv"
    JSON = "json"


SUFFIXES = {
    ".md": Format.MARKDOWN,
    ".tex": Format.LATEX,
    ".csv": Format.CSV,
    ".json": Format.JSON,
    ".txt": Format.TERMINAL,
}


def render(report: Report, form: Format, highlight: Highlight | None = None) -> str:
    """Return a report as text.

    Args:
        report: the tables.
        form: the format.
        highlight: how marks look; None for what is usual in the format.

    Raises:
        UsageError: the format has no such highlight.
    """
    if form is Format.MARKDOWN:
        if highlight is Highlight.RED_BLUE:
            raise UsageError("Markdown has no colours.", "Use: --highlight bold-underline")
        return markdown.render(report, highlight or Highlight.BOLD_UNDERLINE)
    if form is Format.LATEX:
        return latex.render(report, highlight or Highlight.RED_BLUE)
    if form is Format.CSV:
        return data.render_csv(report)
    if form is Format.JSON:
        return json.dumps(data.as_json(report), indent=2, ensure_ascii=False) + "\n"
    return _terminal(report, highlight or Highlight.RED_BLUE)


def _terminal(report: Report, highlight: Highlight) -> str:
    from rich.console import Console

    from reports.tables import terminal

    console = Console(record=True, force_terminal=False)
    with console.capture() as captured:
        terminal.show(report, console, highlight)
    return captured.get()
