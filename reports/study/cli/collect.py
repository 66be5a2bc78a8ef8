"""`mfsr-bench study serve` and `ingest`: from raters to rows."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from benchmarks import console
from benchmarks.api.errors import UsageError
from benchmarks.api.images import show, write_atomic
from benchmarks.options import Output, unfolded
from benchmarks.tables.model import Column, Document, listing

StudyFolder = Annotated[Path, typer.Argument(metavar="STUDY", help="Folder of the study.")]

COUNTS = "ingest.json"
REFUSED = "refused.csv"


def serve(
    study: StudyFolder,
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 8000,
    name: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST", help="Host name under which a proxy passes raters on."),
    ] = None,
) -> None:
    """Serve the packet and collect answers, on this machine alone unless told otherwise.

    Every answer is on disk before the rater's page is told so; nobody can read any.

    Examples:
        mfsr-bench study serve studies/x
    """
    from reports.study.collection import FILE, Collection
    from reports.study.study import PACKET, read_study

    try:
        from reports.study.server import LOOPBACK, StudyServer
    except ModuleNotFoundError as error:
        raise UsageError(
            f"`study serve` needs the package {error.name}, which is not installed.",
            "Install the extra `study`: pip install -c constraints.txt -e '.[study]'",
        ) from None

    known = read_study(study)
    collection = Collection(known, study / FILE)
    begun, complete = collection.counts()
    server = StudyServer(known, study / PACKET, collection, (host, port), name or ())
    if host not in LOOPBACK:
        console.say(
            "Anyone who reaches this machine reaches the study, over plain HTTP. For raters "
            "elsewhere put a proxy with TLS in front, and listen on loopback.",
            style="yellow",
        )
    address = f"[{host}]" if ":" in host else host
    console.out().print(f"http://{address}:{server.port}/", markup=False)
    console.say(f"{complete} of {known.design.raters} raters are complete, {begun} have begun.")
    signal.signal(signal.SIGTERM, _stop)
    try:
        server.run()
    except KeyboardInterrupt:
        begun, complete = collection.counts()
        console.say(f"{complete} complete, {begun} begun. Next: mfsr-bench study ingest {study}")


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


@unfolded
def ingest(
    study: StudyFolder,
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILES]", help="Downloads, folders of them, other databases."),
    ] = None,
    *,
    output: Output,
) -> None:
    """Merge what raters handed in with what was collected, and check it.

    What fails a check is kept, marked and counted: see votes.csv, raters.csv and refused.csv.
    Exit code 1 says that some files are no answers to this study.

    Examples:
        mfsr-bench study ingest studies/x downloads
    """
    from reports.study import ingest as ingesting
    from reports.study.study import read_study
    from reports.study.votes import RATERS, VOTES, RaterRow, Vote, write_rows

    known = read_study(study)
    found = ingesting.ingest(known, ingesting.documents(known, study, files or ()))
    write_rows(study / VOTES, Vote, found.votes)
    write_rows(study / RATERS, RaterRow, found.raters)
    write_rows(study / REFUSED, ingesting.Refused, (*found.refused, *found.copies))
    counts = {"study": known.id, "exclusion_rule": str(known.rule), **found.counts()}
    write_atomic(study / COUNTS, (json.dumps(counts, indent=1) + "\n").encode())
    columns = (Column(title="what"), Column(title="number", numeric=True))
    output.write(Document(tables=(listing(columns, _rows(counts)),), data=counts))
    if output.for_people:
        console.say(str(known.rule))
    for one in found.refused:
        console.say(f"No answers: {one.source}: {one.why}", style="yellow")
    console.say(f"Rows: {show(study / VOTES)}, {show(study / RATERS)}")
    raise typer.Exit(1 if found.refused else 0)


def _rows(counts: dict[str, object]) -> list[tuple[str, int]]:
    rows = []
    for name, value in counts.items():
        if isinstance(value, dict):
            rows += [(f"{name.replace('_', ' ')}: {key}", n) for key, n in value.items()]
        elif isinstance(value, int):
            rows.append((name.replace("_", " "), value))
    return rows
