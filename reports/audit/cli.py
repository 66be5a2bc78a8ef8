"""`mfsr-bench report audit`: what is wrong in a paper's tables, or cannot be told from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks.options import Form, Json, TableFile
from benchmarks.tables.model import Cell, Column, Document, Group, Mark, Row, Table
from benchmarks.tables.write import chosen_format, write
from reports.audit.model import Finding, Severity

if TYPE_CHECKING:
    from reports.audit.model import PaperTable

_MARKS: Mapping[Severity, Mark] = {
    Severity.ERROR: "bad",
    Severity.WARNING: "warning",
    Severity.NOTE: "quiet",
}


def audit(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="TABLE...", help="LaTeX, Markdown or CSV files; or: paper, for MFSR's own."
        ),
    ],
    *,
    dataset: Annotated[
        str, typer.Option(metavar="NAME", help="Data set of tables that do not name theirs.")
    ] = "",
    form: Form = None,
    out: TableFile = None,
    json: Json = False,
) -> None:
    """Audit the tables of a paper, all files together.

    Wrong marks of best and second, gaps below the noise of repeated measurement, tables that
    contradict each other, names that stand for two data sets, values that are impossible or of
    another convention, mixed decimals. Exit code 1 says that there are errors; warnings and notes
    alone are 0.

    Examples:
        mfsr-bench report audit paper.tex
    """
    from reports.audit.checks import audit as run_checks
    from reports.audit.paper import NAME, citation, paper
    from reports.audit.read import read_tables

    form = chosen_format(form, out, json=json)
    own = [file for file in files if file == NAME and not Path(file).exists()]
    tables: list[PaperTable] = [table for _ in own for table in paper()]
    notes: tuple[Finding, ...] = ()
    others = [Path(file) for file in files if file not in own]
    if others:
        reading = read_tables(others, dataset)
        tables += reading.tables
        notes = reading.notes
    found = run_checks(tables, citation() if own else "", notes)
    write(_document(tables, found), form, out)
    if any(finding.severity is Severity.ERROR for finding in found):
        raise typer.Exit(1)


def _document(tables: Sequence[PaperTable], found: Sequence[Finding]) -> Document:
    records = [asdict(finding) for finding in found]
    table = Table(
        label="audit",
        caption=_summary(tables, found),
        columns=(
            *(Column(title=title) for title in ("severity", "place")),
            *(Column(title=title, prose=True) for title in ("evidence", "remedy")),
        ),
        groups=(Group(rows=tuple(map(_row, found))),),
        stub=2,
        stacked=True,
    )
    return Document(
        tables=(table,),
        records=records,
        data={"tables": [table.name for table in tables], "findings": records},
    )


def _row(finding: Finding) -> Row:
    return Row(
        cells=(
            Cell(text=finding.severity, mark=_MARKS[finding.severity]),
            Cell(text=finding.place),
            Cell(text=f"{finding.evidence}."),
            Cell(text=finding.remedy, mark="quiet"),
        )
    )


def _summary(tables: Sequence[PaperTable], found: Sequence[Finding]) -> str:
    """Return how much was looked at, and how much was found."""
    from reports.audit.marks import coverage

    counts = Counter(finding.severity for finding in found)
    values = sum(len(table.entries) for table in tables)
    parts = [_count(counts[severity], severity) for severity in Severity]
    judged, columns = coverage(tables)
    return (
        f"{_count(len(tables), 'table')}, {values} values: {', '.join(parts)}; "
        f"marks judged in {judged} of {_count(columns, 'column')}"
    )


def _count(n: int, what: str) -> str:
    return f"{n} {what}" + "s" * (n != 1)
