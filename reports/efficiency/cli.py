"""`mfsr-bench report efficiency`: the tables of earlier measurements, without measuring again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.api.images import write_atomic
from benchmarks.bench.joining import join
from benchmarks.bench.rows import read
from benchmarks.options import TableForm
from reports.efficiency.render import render


def efficiency(
    folders: Annotated[
        list[Path], typer.Argument(metavar="DIR", help="What `mfsr-bench bench --out` wrote.")
    ],
    *,
    form: Annotated[
        TableForm, typer.Option("--format", help="How the tables look.")
    ] = TableForm.TERMINAL,
    columns: Annotated[
        bool, typer.Option("--methods-as-columns", help="Methods side by side, as some papers.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write to this file, not to stdout.")
    ] = None,
) -> None:
    """Print the tables of one or several measurements of the same machine and settings.

    Times of other machines, packages or settings are refused: they are no comparison.
    """
    text = render(join([read(folder) for folder in folders]), form, methods_as_columns=columns)
    if out:
        write_atomic(out, text.encode())
    else:
        sys.stdout.write(text)
