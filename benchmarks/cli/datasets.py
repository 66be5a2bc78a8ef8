"""`mfsr-bench datasets`: bringing the test sets here, checking them, making `div2k-val`."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmarks import registry
from benchmarks.api.errors import ConfigError, DataError, MFSRBenchError
from benchmarks.console import count, print_error, print_json, print_table, say, transfer
from benchmarks.datasets import opening, verifying
from benchmarks.datasets.places import Place, locate, of_card
from benchmarks.options import Json, split_datasets
from benchmarks.pairing import Problem

if TYPE_CHECKING:
    from benchmarks.datasets.verifying import Report

app = typer.Typer(help="Fetch, make, check and locate the test sets.", no_args_is_help=True)

Names = Annotated[
    list[str] | None,
    typer.Argument(help="Data sets, or folder:LR,HR; default: all. Comma lists work."),
]


@app.command()
def fetch(
    names: Annotated[list[str], typer.Argument(help="Data sets. Comma lists work.")],
    *,
    archive: Annotated[
        Path | None,
        typer.Option(help="An archive that you have downloaded, of the one set that is named."),
    ] = None,
    json: Json = False,
) -> None:
    """Bring test sets to this machine and check them. Repeated, it goes on where it stopped."""
    places = _places(names)
    if archive and len(places) != 1:
        raise ConfigError("--archive goes with one data set.", "Fetch the others by themselves.")
    rows: list[dict[str, Any]] = []
    failures: list[MFSRBenchError] = []
    for place in places:
        try:
            rows.append(_row(_fetch(place, archive)))
        except MFSRBenchError as error:
            rows.append(_failed(place, error))
            failures.append(error)
    _show(rows, json=json)
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
def verify(names: Names = None, *, json: Json = False) -> None:
    """Check test sets: every file where an official manifest is known, else counts and sizes.

    Without names: those that are on this machine.
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
    _show(rows, json=json)
    _raise(failures)


@app.command()
def where(names: Names = None, *, json: Json = False) -> None:
    """Say where each test set lies, or where to put it."""
    places = _places(names)
    if json:
        print_json([_location(place) for place in places])
        return
    print_table(
        ("data set", "here", "LR", "HR"),
        [
            (
                place.card.id,
                "yes" if place.is_there else "no",
                str(place.lr),
                str(place.hr) if place.hr else "-",
            )
            for place in places
        ],
    )


def _location(place: Place) -> dict[str, Any]:
    return {
        "dataset": place.card.id,
        "here": place.is_there,
        "lr": str(place.lr),
        "hr": str(place.hr) if place.hr else None,
    }


@app.command()
def make(
    name: Annotated[str, typer.Argument(help="The data set: div2k-val or div2k-bicubic.")],
    *,
    hr: Annotated[Path, typer.Option(help="Folder of the originals: 0801.png to 0900.png.")],
    json: Json = False,
) -> None:
    """Make a test set from its originals. Equal originals give equal images on every machine."""
    place = locate(name)
    if place.card.kind != "made":
        raise ConfigError(
            f"'{name}' is not made from originals.", f"Run: mfsr-bench datasets fetch {name}"
        )
    _show([_row(_make(place, hr))], json=json)


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


def _show(rows: list[dict[str, Any]], *, json: bool) -> None:
    if json:
        print_json(rows)
        return
    print_table(
        ("data set", "state", "n", "checked", "path"),
        [(r["dataset"], r["state"], str(r["n"]), r["checked"] or "-", r["path"]) for r in rows],
    )
    for row in rows:
        for problem in row["problems"]:
            say(f"{row['dataset']}: {Problem(**problem)}")
        for note in row["notes"]:
            say(f"{row['dataset']}: note: {note}")


def _raise(failures: list[MFSRBenchError]) -> None:
    """Print all errors but the last, which ends the program with its exit code."""
    if failures:
        *others, last = failures
        for error in others:
            print_error(error)
        raise last
