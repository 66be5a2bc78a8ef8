"""`mfsr-bench study`: a user study from the packet to the figure."""

from __future__ import annotations

import typer

from reports.study.cli.analyse import analyse
from reports.study.cli.build import build
from reports.study.cli.collect import ingest, serve
from reports.study.cli.power import power

app = typer.Typer(
    help="A user study: build, serve, ingest, analyse; power before anyone is asked.",
    no_args_is_help=True,
)
for command in (build, serve, ingest, analyse, power):
    app.command()(command)
