"""`mfsr-bench report audit`: what is wrong in a paper's tables, or cannot be told from them."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks import console
from benchmarks.options import Json
from reports.audit.model import Finding, Severity
from reports.tables.markdown import escape
from reports.tables.text import one_line

if TYPE_CHECKING:
    from reports.audit.model import PaperTable

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}


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
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    as_json: Json = False,
) -> None:
    """Audit the tables of a paper, all files together.

    Wrong marks of best and second, gaps below the noise of repeated measurement, tables that
    contradict each other, names that stand for two data sets, values that are impossible or of
    another convention, mixed decimals. Exit code 1 says that there are errors; warnings and notes
    alone are 0.
    """
    from reports.audit.checks import audit as run_checks
    from reports.audit.paper import NAME, citation, paper
    from reports.audit.read import read_tables

    tables: list[PaperTable] = []
    citing = ""
    for file in files:
        if file == NAME and not Path(file).exists():
            tables += paper()
            citing = citation()
        else:
            tables += read_tables(Path(file), dataset)
    found = run_checks(tables, citing)
    if as_json:
        findings = [asdict(finding) for finding in found]
        names = [table.name for table in tables]
        text = json.dumps({"tables": names, "findings": findings}, indent=2, ensure_ascii=False)
        sys.stdout.write(text + "\n")
    elif markdown:
        sys.stdout.write(_markdown(tables, found))
    else:
        _print(tables, found)
    if any(finding.severity is Severity.ERROR for finding in found):
        raise typer.Exit(1)


def _summary(tables: Sequence[PaperTable], found: Sequence[Finding]) -> str:
    """Return how much was looked at, and how much was found."""
    counts = Counter(finding.severity for finding in found)
    values = sum(len(table.entries) for table in tables)
    parts = [_count(counts[severity], severity) for severity in Severity]
    return f"{_count(len(tables), 'table')}, {values} values: {', '.join(parts)}"


def _count(n: int, what: str) -> str:
    return f"{n} {what}" + "s" * (n != 1)


def _print(tables: Sequence[PaperTable], found: Sequence[Finding]) -> None:
    from rich.text import Text

    out = console.out()
    for finding in found:
        head = Text(f"{finding.severity}: ", style=_STYLES[finding.severity])
        out.print(head + Text(one_line(finding.place), style="bold"))
        out.print(f"  {one_line(finding.evidence)}.", markup=False)
        out.print(f"  {one_line(finding.remedy)}", markup=False, style="dim")
    out.print(_summary(tables, found), markup=False)


def _markdown(tables: Sequence[PaperTable], found: Sequence[Finding]) -> str:
    lines = [f"**{escape(_summary(tables, found))}**", ""]
    lines += [
        f"- **{finding.severity}**, {escape(finding.place)}: {escape(finding.evidence)}. "
        f"{escape(finding.remedy)}"
        for finding in found
    ]
    return "\n".join(lines) + "\n"
