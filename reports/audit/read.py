"""The tables that the user names: files, or the paper's own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.api.errors import DataError, UsageError
from benchmarks.api.text import show
from reports.audit import colours, csv_file, latex, macros, markdown
from reports.audit.grid import Grid, spread_out
from reports.audit.header import is_header
from reports.audit.interpret import interpret
from reports.audit.model import Finding, PaperTable, Severity
from reports.audit.source import Source, gather
from reports.audit.tex import Vocabulary

_LATEX = (".tex", ".ltx")
_OTHERS: dict[str, Callable[[str, str], list[Grid]]] = {
    ".md": markdown.read_markdown,
    ".markdown": markdown.read_markdown,
    ".csv": csv_file.read_csv,
}
_METRIC = re.compile(r"\b(?:PSNR|SSIM|LPIPS|DISTS|FID|NIQE|MUSIQ|MANIQA|CLIP-?IQA|LIQE)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was read of some files."""

    tables: tuple[PaperTable, ...]
    notes: tuple[Finding, ...]  # what of the files was not read


def read_tables(paths: Sequence[Path], dataset: str = "") -> Reading:
    r"""Return the tables of a paper's files that hold metrics.

    What one LaTeX file defines holds in the others, and so does what they draw in by `\input`.

    Args:
        paths: LaTeX, Markdown or CSV files, by their suffixes.
        dataset: the data set of tables that name none.

    Raises:
        UsageError: a suffix names no format.
        DataError: a file cannot be read, or none holds a table with metrics.
    """
    for path in paths:
        if path.suffix.lower() not in (*_LATEX, *_OTHERS):
            raise UsageError(
                f"The suffix of '{show(path)}' names no format.",
                f"Use one of: {', '.join([*_LATEX, *_OTHERS])}; or 'paper' for the MFSR paper's "
                "own tables.",
            )
    sources = {path: gather(path, _read) for path in paths if path.suffix.lower() in _LATEX}
    known = _vocabulary(sources.values())
    tables: list[PaperTable] = []
    notes: list[Finding] = []
    done: set[Path] = set()
    for path in paths:
        for name, grids, unread in _grids(path, sources, known, done):
            found = [(grid, interpret(grid, dataset)) for grid in grids]
            tables += [table for _, table in found if table]
            notes += _notes(name, [grid for grid, table in found if not table], unread)
    if not any(table.entries or table.unread for table in tables):
        raise DataError(
            f"{', '.join(map(show, paths))} holds no table with two or more known metrics in its "
            "header.",
            "Metrics are known by the names of: mfsr-bench list metrics",
        )
    return Reading(tables=tuple(tables), notes=tuple(notes))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"No such file: {show(path)}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"Cannot read {show(path)}: {error}.", "Save it as UTF-8 text.") from None


def _vocabulary(sources: Iterable[Source]) -> Vocabulary:
    own: dict[str, macros.Macro] = {}
    hues: dict[str, str] = {}
    for source in sources:
        for text in source.texts.values():
            own |= macros.definitions(text)
            hues |= colours.definitions(text)
    return Vocabulary(macros=own, colours=hues)


def _grids(
    path: Path, sources: dict[Path, Source], known: Vocabulary, done: set[Path]
) -> Iterator[tuple[str, list[Grid], list[str]]]:
    """Yield (name, tables, what else is there and not read) of a file and what it draws in."""
    if path not in sources:
        text = _read(path)
        html = len(re.findall(r"<table\b", text))
        yield (
            path.name,
            _OTHERS[path.suffix.lower()](text, path.name),
            [f"{html} HTML tables"] if html else [],
        )
        return
    source = sources[path]
    for file, text in source.texts.items():
        if file in done:
            continue
        done.add(file)
        drawn = source.rows_drawn_in(text, path.parent)
        absent = source.absent if file == path.resolve() else []
        missing = [f"{command}: there is no such file" for command in absent]
        yield file.name, latex.read_latex(drawn, file.name, known), missing


def _notes(name: str, others: Sequence[Grid], unread: Sequence[str]) -> Iterator[Finding]:
    """Say what of a file was not read: tables that speak of metrics in another form, files."""
    for grid in others:
        text = " ".join(cell.text for row in grid.rows for cell in row.cells)
        if _METRIC.search(text) and not any(map(is_header, spread_out(grid.rows))):
            yield Finding(
                check="unread",
                severity=Severity.NOTE,
                place=f"{grid.name} (line {grid.line})" if grid.line else grid.name,
                evidence="not audited: no row or column heads two known metrics",
                remedy="Metrics are known by the names of: mfsr-bench list metrics",
            )
    if unread:
        yield Finding(
            check="unread",
            severity=Severity.NOTE,
            place=name,
            evidence=f"not read: {'; '.join(unread)}",
            remedy="Tables and definitions in them are unknown here: give these files as well.",
        )
