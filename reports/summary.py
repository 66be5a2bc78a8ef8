"""What a run prints at its end: its tables, and the same as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.tables import data, markdown, terminal
from reports.comparison import compare
from reports.tables.build import build_report

if TYPE_CHECKING:
    from rich.console import Console

    from benchmarks.results.rows import RunResults
    from benchmarks.tables.model import Document


def document(results: RunResults) -> Document:
    """Return the tables of one run."""
    return build_report(compare([results]))


def print_summary(results: RunResults, console: Console) -> None:
    """Print the tables of one run on a console."""
    terminal.show(document(results), console)


def summary_markdown(results: RunResults) -> str:
    """Return the tables of one run as the text of a Markdown file."""
    return markdown.render(document(results))


def summary_json(results: RunResults) -> dict[str, Any]:
    """Return the tables of one run as plain data, unrounded."""
    tables: dict[str, Any] = data.as_json(document(results))
    return tables
