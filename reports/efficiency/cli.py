"""`mfsr-bench report efficiency`: the tables of earlier measurements, without measuring again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.bench.joining import join
from benchmarks.bench.rows import read
from benchmarks.options import Form, Json, TableFile
from benchmarks.tables.write import chosen_format, write
from reports.efficiency.build import build


def efficiency(
    folders: Annotated[
        list[Path], typer.Argument(metavar="DIR", help="What `mfsr-bench bench --out` wrote.")
    ],
    *,
    columns: Annotated[
        bool, typer.Option("--methods-as-columns", help="Methods side by side, as some papers.")
    ] = False,
    form: Form = None,
    out: TableFile = None,
    json: Json = False,
) -> None:
    """Print the tables of one or several measurements of the same machine and settings.

    Times of other machines, packages or settings are refused: they are no comparison.

    Examples:
        mfsr-bench report efficiency bench/a100 --format latex
    """
    form = chosen_format(form, out, json=json)
    measured = join([read(folder) for folder in folders])
    write(build(measured, methods_as_columns=columns), form, out)
