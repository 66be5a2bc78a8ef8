"""`mfsr-bench verify`: do we score published images as their authors did?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from benchmarks import console
from benchmarks.api.errors import UsageError
from benchmarks.cli.command import command
from benchmarks.conformance.logs import fetch, logs, recognise
from benchmarks.conformance.parse import PublishedScores, read_published
from benchmarks.options import Output, Quiet, unfolded
from benchmarks.request import VerifyRequest
from benchmarks.tables.model import Cell, Column, Document, Footnote, Table, cells, listing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.conformance.compare import Conformance, Verdict


@command(VerifyRequest)
@unfolded
def verify(request: VerifyRequest, *, quiet: Quiet = False, output: Output) -> None:
    """Score published images and compare, image by image, with the scores their authors published.

    Exit code 1 says that a difference is beyond the tolerance of its metric.

    Examples:
        mfsr-bench verify --sr theirs --hr RealSR/HR --published osediff-realsr
        mfsr-bench verify --sr theirs --published theirs.csv --metrics niqe
    """
    from benchmarks.conformance.compare import compare
    from benchmarks.engine.run import score
    from benchmarks.progress import progress
    from benchmarks.results.cache import ScoreCache
    from benchmarks.results.store import RunStore
    from benchmarks.settle import settle_verify, settled

    cache, published = ScoreCache(), _read(request.published).read_as(request.metrics or ())
    plan = settled(lambda: settle_verify(request, published, cache))
    store = RunStore(None)
    with progress(quiet=quiet) as show:
        for event in score(plan.score, store, cache):
            show(event)
    found = compare(plan, store)
    output.write(Document(tables=(_table(found),), data=found.as_json()))
    for note in found.notes if output.for_people else ():
        console.say(note)
    raise typer.Exit(0 if found.agrees else 1)


def _read(published: str) -> PublishedScores:
    known = logs()
    path = Path(published)
    log = known.get(published) or recognise(path)
    if log:
        place = fetch(log) if published in known else path
        return read_published(place, title=log.title, arithmetic=log.arithmetic)
    if path.suffix or path.exists():
        return read_published(path)
    raise UsageError(
        f"'{published}' is neither a known log ({', '.join(known)}) nor a file.",
        "Give one of these names, or a .log or .csv file.",
    )


def _table(found: Conformance) -> Table:
    numbers = ("n", "ours", "published", "largest", "allowed")
    columns = (
        Column(title="metric"),
        *(Column(title=title, numeric=True) for title in numbers),
        Column(title="at image"),
        Column(title="verdict"),
    )
    of = "" if found.n == found.n_published else f" of {found.n_published}"
    return replace(
        listing(columns, [_row(one) for one in found.verdicts]),
        caption=f"{found.title}: {found.n}{of} images compared.",
        footnotes=tuple(Footnote(text=text) for text in _told(found)),
    )


def _row(one: Verdict) -> tuple[Cell, ...]:
    agrees = Cell(text="agrees", mark="good") if one.agrees else Cell(text="differs", mark="bad")
    return (
        *cells(one.metric, one.n),
        Cell(text=f"{one.ours:.4f}", value=one.ours),
        Cell(text=f"{one.published:.4f}", value=one.published),
        Cell(text=f"{one.difference:.1e}", value=one.difference),
        Cell(text=f"{one.allowed:.2g}", value=one.allowed),
        *cells(one.image or "(whole set)"),
        agrees,
    )


def _told(found: Conformance) -> Iterator[str]:
    for one in found.verdicts:
        if one.image and not one.mean_agrees:
            text = f"the means differ by {abs(one.ours - one.published):.1e}"
            yield f"{one.metric}: {text}, {one.allowed_mean:.2g} is allowed."
    for metric, reason in found.left_out.items():
        yield f"{metric}: not compared; {reason}."
    count = sum(not verdict.agrees for verdict in found.verdicts)
    yield (
        f"{count} of {len(found.verdicts)} metrics differ beyond their tolerance."
        if count
        else "All metrics agree with the published scores."
    )
