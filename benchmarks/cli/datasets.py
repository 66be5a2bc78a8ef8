"""`mfsr-bench datasets`: bringing the test sets here, checking them, making `div2k-val`."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmarks import registry
from benchmarks.api import reach
from benchmarks.api.errors import ConfigError, DataError, MFSRBenchError
from benchmarks.cli import completion
from benchmarks.commands import subgroup
from benchmarks.console import count, print_error, say, transfer
from benchmarks.datasets import opening, verifying
from benchmarks.datasets.places import Place, locate, of_card
from benchmarks.options import Output, split_datasets, unfolded
from benchmarks.pairing import Problem
from benchmarks.tables.model import Cell, Column, Document, listing

if TYPE_CHECKING:
    from benchmarks.datasets.verifying import Report

app = subgroup("Fetch, make, check and locate the test sets.")

Names = Annotated[
    list[str] | None,
    typer.Argument(
        help="Data sets, or folder:LR,HR; default: all. Comma lists work.",
        autocompletion=completion.datasets,
    ),
]


@app.command()
@unfolded
def fetch(
    names: Annotated[
        list[str],
        typer.Argument(help="Data sets. Comma lists work.", autocompletion=completion.datasets),
    ],
    *,
    archive: Annotated[
        Path | None,
        typer.Option(help="An archive that you have downloaded, of the one set that is named."),
    ] = None,
    output: Output,
) -> None:
    """Bring test sets to this machine and check them. Run again, it resumes where it stopped.

    Examples:
        mfsr-bench datasets fetch realsr,drealsr
        mfsr-bench datasets fetch realsr --archive RealSR.zip
    """
    from benchmarks.datasets import fetching

    places = _places(names)
    if archive and len(places) != 1:
        raise ConfigError("--archive goes with one data set.", "Fetch the others by themselves.")
    rows: list[dict[str, Any]] = []
    failures: list[MFSRBenchError] = []
    if not archive:
        reach.ask(one for place in places for one in fetching.asked_at(place))
    for place in places:
        try:
            rows.append(_row(_fetch(place, archive)))
        except MFSRBenchError as error:
            rows.append(_failed(place, error))
            failures.append(error)
    _show(rows, output)
    _raise(failures)


def _fetch(place: Place, archive: Path | None) -> Report:
    from benchmarks.datasets import fetching

    made = place.card.kind == "made"
    if made and fetching.is_here(place):
        return verifying.inspect(place)
    say(f"Fetching {place.card.id} ({place.card.licence}) to {place.root}")
    with ExitStack() as stack:
        with transfer(place.card.id) as progress:
            if not made:
                return fetching.fetch(place, archive=archive, progress=progress)
            originals = fetching.originals(place, archive=archive, progress=progress)
            folder = stack.enter_context(originals)
        return _make(place, folder)


def _make(place: Place, originals: Path) -> Report:
    from benchmarks.datasets import making

    with count(f"Making {place.card.id}") as progress:
        making.make(place, originals, progress=progress)
    return verifying.require(place)


@app.command()
@unfolded
def verify(names: Names = None, *, output: Output) -> None:
    """Check test sets: every file where an official manifest is known, else counts and sizes.

    Without names: those that are on this machine.

    Examples:
        mfsr-bench datasets verify
        mfsr-bench datasets verify folder:LR,HR
    """
    rows: list[dict[str, Any]] = []
    failures: list[MFSRBenchError] = []
    for place in _places(names):
        if not (names or place.is_there):
            continue
        try:
            report = opening.look(place)
        except DataError as error:
            rows.append(_failed(place, error))
            failures.append(error)
            continue
        rows.append(_row(report))
        if report.problems:
            failures.append(verifying.refuse(report))
    _show(rows, output)
    _raise(failures)


@app.command()
@unfolded
def where(names: Names = None, *, output: Output) -> None:
    """Say where each test set lies, or where to put it.

    Examples:
        mfsr-bench datasets where
        mfsr-bench datasets where realsr
    """
    places = _places(names)
    table = listing(
        ["data set", "here", "side", Column(title="folder", prose=True)],
        [
            (place.card.id, _yes(place), side, str(folder))
            for place in places
            for side, folder in (("LR", place.lr), ("HR", place.hr))
            if folder
        ],
    )
    locations = [_location(place) for place in places]
    output.write(Document(tables=(table,), records=locations, data=locations))


def _yes(place: Place) -> Cell:
    return Cell(text="yes", mark="good") if place.is_there else Cell(text="no", mark="warning")


def _location(place: Place) -> dict[str, Any]:
    return {
        "dataset": place.card.id,
        "here": place.is_there,
        "lr": str(place.lr),
        "hr": str(place.hr) if place.hr else None,
    }


@app.command()
@unfolded
def make(
    name: Annotated[
        str,
        typer.Argument(
            help="The data set: div2k-val or div2k-bicubic.", autocompletion=completion.datasets
        ),
    ],
    *,
    hr: Annotated[Path, typer.Option(help="Folder of the originals: 0801.png to 0900.png.")],
    output: Output,
) -> None:
    """Make a test set from its originals. Equal originals give equal images on every machine.

    Examples:
        mfsr-bench datasets make div2k-val --hr DIV2K_valid_HR
    """
    place = locate(name)
    if place.card.kind != "made":
        raise ConfigError(
            f"'{name}' is not made from originals.", f"Run: mfsr-bench datasets fetch {name}"
        )
    _show([_row(_make(place, hr))], output)


def _places(names: list[str] | None) -> list[Place]:
    specs = split_datasets(names)
    if not specs:
        return [of_card(card) for card in registry.dataset_cards().values()]
    return [locate(spec) for spec in specs]


def _row(report: Report) -> dict[str, Any]:
    return {
        "dataset": report.place.card.id,
        "state": "wrong" if report.problems else "correct",
        "n": len(report.samples),
        "checked": report.checked,
        "path": str(report.place.root),
        "problems": [asdict(problem) for problem in report.problems],
        "notes": list(report.notes),
    }


def _failed(place: Place, error: MFSRBenchError) -> dict[str, Any]:
    return {
        "dataset": place.card.id,
        "state": "wrong" if place.is_there else "missing",
        "n": 0,
        "checked": None,
        "path": str(place.root),
        "problems": [],
        "notes": [],
        "error": {"cause": error.cause, "remedy": error.remedy},
    }


def _show(rows: list[dict[str, Any]], output: Output) -> None:
    table = listing(
        ["data set", "state", Column(title="images", numeric=True), "checked"],
        [(row["dataset"], _state(row["state"]), row["n"], row["checked"] or "-") for row in rows],
    )
    facts = ("dataset", "state", "n", "checked", "path")
    records = [{name: row[name] for name in facts} for row in rows]
    output.write(Document(tables=(table,), records=records, data=rows))
    if not output.for_people:
        return
    for row in rows:
        for problem in row["problems"]:
            say(f"{row['dataset']}: {Problem(**problem)}")
        for note in row["notes"]:
            say(f"{row['dataset']}: note: {note}")


def _state(state: str) -> Cell:
    return Cell(text=state, mark="good" if state == "correct" else "bad")


def _raise(failures: list[MFSRBenchError]) -> None:
    """Print all errors but the last, which ends the program with its exit code."""
    if failures:
        *others, last = failures
        for error in others:
            print_error(error)
        raise last
