"""The one door for `mfsr-bench bench` and `report efficiency`: measurements -> text."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from reports.efficiency import formats
from reports.efficiency.build import build

if TYPE_CHECKING:
    from benchmarks.bench.rows import BenchResults


class Form(StrEnum):
    """How the tables are written down."""

    TERMINAL = "terminal"
    MARKDOWN = "md"
    LATEX = "latex"
    CSV = "csv"


def render(results: BenchResults, form: str, *, methods_as_columns: bool = False) -> str:
    """Return what was measured as text.

    Args:
        results: the measurements.
        form: one of `Form`.
        methods_as_columns: the complexity table with methods side by side.
    """
    if form == Form.CSV:
        return formats.csv_text(results)
    write = {
        Form.TERMINAL: formats.terminal,
        Form.MARKDOWN: formats.markdown,
        Form.LATEX: formats.latex,
    }[Form(form)]
    return write(build(results, methods_as_columns=methods_as_columns))
