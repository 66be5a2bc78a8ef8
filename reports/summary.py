"""What a run prints at its end: its tables, and the same as Markdown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from benchmarks.tables import data, markdown, terminal
from benchmarks.tables.model import Footnote
from reports.comparison import compare
from reports.published.printed import printed_table
from reports.published.values import published_rows
from reports.tables.build import build_report
from reports.tables.scope import Layout

if TYPE_CHECKING:
    from rich.console import Console

    from benchmarks.results.rows import RunResults
    from benchmarks.tables.model import Document
    from reports.comparison import Comparison

_TINY = "MFSR-tiny"
_PUBLISHED = ("mfsr", "realsr", "MFSR-1s")  # source, data set, row


def document(results: RunResults) -> Document:
    """Return the tables of one run; below the last, what the small model is that it may hold.

    They have the form of the printed table that the run was made after, if any.
    """
    comparison = compare([results])
    printed = str(results.run.get("printed") or "")
    made = build_report(comparison, Layout(printed=printed_table(printed)) if printed else None)
    told = _about_tiny(comparison)
    if not (told and made.tables):
        return made
    *others, last = made.tables
    last = replace(last, footnotes=(*last.footnotes, Footnote(text=told)))
    return replace(made, tables=(*others, last))


def _about_tiny(comparison: Comparison) -> str:
    """Return what the small model is, and what the published one has; empty without it."""
    if _TINY not in {method.card_title for method in comparison.methods.values()}:
        return ""
    about = f"{_TINY} is a demonstration that ships with the package, not the paper's MFSR"
    for row in published_rows():
        if (row.source, row.dataset, row.title) == _PUBLISHED:
            values = ", ".join(
                f"{metric.title} {row.texts[metric.id]}"
                for metric in comparison.metrics.values()
                if metric.id in row.texts
            )
            return f"{about}: the published {row.title} has {values} on RealSR (n = {row.n})."
    return f"{about}."


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
