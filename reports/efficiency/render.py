"""The one door for `mfsr-bench bench` and `report efficiency`: measurements -> text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.options import TableForm
from reports.efficiency import formats
from reports.efficiency.build import build

if TYPE_CHECKING:
    from benchmarks.bench.rows import BenchResults


def render(results: BenchResults, form: TableForm, *, methods_as_columns: bool = False) -> str:
    """Return what was measured as text.

    Args:
        results: the measurements.
        form: how it is written.
        methods_as_columns: the complexity table with methods side by side.
    """
    if form is TableForm.CSV:
        return formats.csv_text(results)
    write = {
        TableForm.TERMINAL: formats.terminal,
        TableForm.MARKDOWN: formats.markdown,
        TableForm.LATEX: formats.latex,
    }[form]
    return write(build(results, methods_as_columns=methods_as_columns))
