"""`mfsr-bench verify`: do we score published images as their authors did?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from benchmarks import console
from benchmarks.api.errors import UsageError
from benchmarks.cli.command import command
from benchmarks.conformance.logs import fetch, logs, recognise
from benchmarks.conformance.parse import PublishedScores, read_published
from benchmarks.options import Json, Quiet
from benchmarks.request import VerifyRequest

if TYPE_CHECKING:
    from rich.table import Table

    from benchmarks.conformance.compare import Conformance


@command(VerifyRequest)
def verify(request: VerifyRequest, *, quiet: Quiet = False, json: Json = False) -> None:
    """Score published images and compare, image by image, with the scores their authors published.

    Exit code 1 says that a difference is beyond the tolerance of its metric.
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
    if json:
        console.print_json(found.as_json())
    else:
        _print(found)
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


def _print(found: Conformance) -> None:
    out = console.out()
    of = "" if found.n == found.n_published else f" of {found.n_published}"
    out.print(f"{found.title}: {found.n}{of} images compared", markup=False)
    out.print(_table(found))
    for one in found.verdicts:
        if one.image and not one.mean_agrees:
            text = f"the means differ by {abs(one.ours - one.published):.1e}"
            out.print(f"{one.metric}: {text}, {one.allowed_mean:.0e} is allowed.", markup=False)
    for metric, reason in found.left_out.items():
        out.print(f"{metric}: not compared; {reason}.", markup=False)
    for note in found.notes:
        console.say(note)
    count = sum(not verdict.agrees for verdict in found.verdicts)
    out.print(
        f"{count} of {len(found.verdicts)} metrics differ beyond their tolerance."
        if count
        else "All metrics agree with the published scores."
    )


def _table(found: Conformance) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    table.add_column("metric")
    for title in ("n", "ours", "published", "largest", "allowed"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("at image", overflow="fold")
    table.add_column("verdict")
    for one in found.verdicts:
        table.add_row(
            one.metric,
            str(one.n),
            f"{one.ours:.4f}",
            f"{one.published:.4f}",
            f"{one.difference:.1e}",
            f"{one.allowed:.0e}",
            Text(one.image or "(whole set)"),
            Text("agrees", "green") if one.agrees else Text("differs", "bold red"),
        )
    return table
