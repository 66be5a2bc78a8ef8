"""The tables that the user names: files, or the paper's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.api.errors import DataError, UsageError
from benchmarks.api.images import show
from reports.audit import csv_file, latex, markdown
from reports.audit.interpret import interpret

if TYPE_CHECKING:
    from reports.audit.grid import Grid
    from reports.audit.model import PaperTable

_READERS: dict[str, Callable[[str, str], list[Grid]]] = {
    ".tex": latex.read_latex,
    ".ltx": latex.read_latex,
    ".md": markdown.read_markdown,
    ".markdown": markdown.read_markdown,
    ".csv": csv_file.read_csv,
}


def read_tables(path: Path, dataset: str = "") -> tuple[PaperTable, ...]:
    """Return the tables of a file that hold metrics.

    Args:
        path: a LaTeX, Markdown or CSV file, by its suffix.
        dataset: the data set of tables that name none.

    Raises:
        UsageError: the suffix names no format.
        DataError: the file cannot be read, or holds no table with metrics.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise UsageError(
            f"The suffix of '{show(path)}' names no format.",
            f"Use one of: {', '.join(_READERS)}; or 'paper' for the MFSR paper's own tables.",
        )
    try:
        source = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"No such file: {show(path)}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"Cannot read {show(path)}: {error}.", "Save it as UTF-8 text.") from None
    grids: Sequence[Grid] = reader(source, path.name)
    tables = tuple(table for grid in grids if (table := interpret(grid, dataset)))
    if not any(table.entries for table in tables):
        raise DataError(
            f"{show(path)} holds no table with two or more known metrics in its header.",
            "Metrics are known by the names of: mfsr-bench list metrics",
        )
    return tables
