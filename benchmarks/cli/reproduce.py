"""`mfsr-bench reproduce`: fetch, restore, score, and compare with the printed rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks.api.errors import MFSRBenchError, UsageError
from benchmarks.cli.execution import InterruptedRunError, interruptible
from benchmarks.conformance.reproduce import Reproduction, compare, refused
from benchmarks.conformance.rows import PrintedRow, printed_rows
from benchmarks.console import say
from benchmarks.devices import devices
from benchmarks.options import Form, Json, Quiet, choose, split_lists
from benchmarks.request import RunRequest, ask
from benchmarks.tables.model import Cell, Column, Document, Footnote, Table, cells, listing
from benchmarks.tables.write import chosen_format, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


def reproduce(
    methods: Annotated[
        list[str] | None,
        typer.Argument(help="Methods with a printed row; default: all. Comma lists work."),
    ] = None,
    *,
    datasets: Annotated[
        list[str] | None,
        typer.Option(help="Data sets of the rows; default: all. Comma lists work."),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder of the runs; the same one resumes.")
    ] = Path("runs/reproduce"),
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Agree to the licences without being asked.")
    ] = False,
    device: Annotated[
        list[str] | None,
        typer.Option(help="cpu, cuda, or cuda:0,cuda:1. Default: a GPU if any."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes for light metrics. Default: all cores.")
    ] = None,
    quiet: Quiet = False,
    form: Form = None,
    json: Json = False,
) -> None:
    """Restore and score again what papers print, and compare: exit code 0 if every value agrees.

    Weights are fetched; a metric or data set that is not available is reported and counts as
    not reproduced. What is computed lies in run directories: the same command goes on.

    Examples:
        mfsr-bench reproduce realesrgan
        mfsr-bench reproduce osediff,sinsr --datasets realsr
        mfsr-bench reproduce --accept-licence --out runs/reproduce
    """
    form = chosen_format(form, None, json=json)
    used = split_lists(device) or None
    devices(used)  # none of the rows could be computed without
    found = []
    for row in _chosen(methods, datasets):
        request = _request(row, {"device": used, "workers": workers}, out)
        found.append(_one(row, request, accept_licence=accept_licence, quiet=quiet))
    data = [one.as_json() for one in found]
    write(Document(tables=(_table(found),), data=data), form)
    raise typer.Exit(0 if all(one.agrees for one in found) else 1)


def _chosen(methods: list[str] | None, datasets: list[str] | None) -> list[PrintedRow]:
    """Return the printed rows of methods and data sets.

    Raises:
        UsageError: one that has none, or no row is of both.
    """
    rows = printed_rows()

    def among(asked: list[str] | None, known: Iterable[str], what: str) -> tuple[str, ...]:
        names: dict[str, list[str]] = {name: [] for name in known}
        what, see = f"{what} with a printed row", f"mfsr-bench list {what}s"
        return choose(split_lists(asked), names, what=what, see=see) or tuple(names)

    of_methods = among(methods, (row.name for row in rows), "method")
    on_sets = among(datasets, (row.dataset for row in rows), "dataset")
    found = [row for row in rows if row.name in of_methods and row.dataset in on_sets]
    if not found:
        raise UsageError(
            "No printed row is of these methods on these data sets.",
            "See docs/reproduced.md, or leave --datasets out.",
        )
    return found


def _request(row: PrintedRow, machine: Mapping[str, object], out: Path) -> RunRequest:
    asked = {
        "methods": (row.method,),
        "datasets": (row.dataset,),
        "metrics": tuple(row.values),
        "out": out / f"{row.method}-{row.dataset}",
        "missing": "skip",
    }
    return ask(RunRequest, {**asked, **machine})


def _one(
    row: PrintedRow, request: RunRequest, *, accept_licence: bool, quiet: bool
) -> Reproduction:
    """Reproduce one row; whatever stands in the way is part of the answer."""
    from benchmarks.engine.run import run
    from benchmarks.progress import progress
    from benchmarks.results.cache import ScoreCache
    from benchmarks.results.read import read_run
    from benchmarks.settle import settle_run, settled

    say(f"{row.method} on {row.dataset}: {row.source}")
    cache = ScoreCache()
    try:
        _fetch(row, accept_licence=accept_licence)
        plan = settled(lambda: settle_run(request, cache))
        with interruptible(plan.out), progress(quiet=quiet) as show:
            for event in run(plan, cache):
                show(event)
        return compare(row, read_run(plan.out))
    except InterruptedRunError:
        raise
    except MFSRBenchError as error:
        return refused(row, f"{error.cause} {error.remedy}".strip())


def _fetch(row: PrintedRow, *, accept_licence: bool) -> None:
    """Fetch the method's weights, and those of its metrics that can be had."""
    from benchmarks import requirements
    from benchmarks.api.weights import WeightStore
    from benchmarks.cli.weights import fetch_all

    store = WeightStore()
    needs = requirements.of_names([row.name])
    fetch_all((need.status(store) for need in needs), accept_licence=accept_licence)
    for metric in row.values:
        needs = requirements.of_names([metric])
        try:
            fetch_all((need.status(store) for need in needs), accept_licence=accept_licence)
        except MFSRBenchError as error:
            say(f"{metric}: {error.cause}", style="yellow")


def _table(found: Sequence[Reproduction]) -> Table:
    numbers = ("ours", "printed", "difference", "allowed")
    columns = (
        *(Column(title=title) for title in ("method", "data set", "by", "metric")),
        *(Column(title=title, numeric=True) for title in numbers),
        Column(title="verdict", prose=True),
    )
    agreeing = sum(one.agrees for one in found)
    return replace(
        listing(columns, [line for one in found for line in _lines(one)]),
        footnotes=(Footnote(text=f"{agreeing} of {len(found)} printed rows are reproduced."),),
    )


def _lines(one: Reproduction) -> Iterator[tuple[Cell, ...]]:
    for cell in one.cells:
        gap = None if cell.ours is None else cell.ours - cell.printed
        verdict = "agrees" if cell.agrees else cell.why or "differs"
        yield (
            *cells(one.row.method, one.row.dataset, one.row.by, cell.metric),
            Cell() if cell.ours is None else Cell(text=f"{cell.ours:.4f}", value=cell.ours),
            Cell(text=f"{cell.printed:g}", value=cell.printed),
            Cell() if gap is None else Cell(text=f"{gap:+.4f}", value=gap),
            Cell(text=f"{cell.allowed:g}", value=cell.allowed),
            Cell(text=verdict, mark="good" if cell.agrees else "bad"),
        )
