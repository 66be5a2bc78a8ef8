"""`mfsr-bench verify`: do we score published images as their authors did?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks import console
from benchmarks.api.errors import UsageError
from benchmarks.cli.machine import cores, devices
from benchmarks.conformance.compare import Conformance, verify
from benchmarks.conformance.logs import fetch, logs, recognise
from benchmarks.conformance.parse import PublishedScores, read_published
from benchmarks.options import choose, split_lists

if TYPE_CHECKING:
    from rich.table import Table


def verify_command(
    sr: Annotated[
        Path, typer.Option("--sr", metavar="DIR", help="Folder of the published SR images.")
    ],
    published: Annotated[
        str,
        typer.Option(
            metavar="NAME|FILE",
            help="osediff-realsr, osediff-drealsr, or a file: OSEDiff's .log, a CSV of "
            "image,PSNR,..., or our scores.csv.",
        ),
    ],
    hr: Annotated[
        Path | None, typer.Option("--hr", metavar="DIR", help="Folder of their HR references.")
    ] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAMES", help="Only these metrics: psnr,ssim@y601. Default: all published."
        ),
    ] = None,
    subset: Annotated[
        bool, typer.Option("--subset", help="Allow SR to hold only some of the published images.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")] = False,
) -> None:
    """Score published images and compare, image by image, with the scores their authors published.

    Exit code 1 says that a difference is beyond the tolerance of its metric.
    """
    names = split_lists(metrics)
    theirs = _read(published).read_as(names)
    known = {metric: [metric.partition("@")[0]] for metric in (*theirs.samples, *theirs.sets)}
    chosen = choose(names, known, what=f"metric of {theirs.title}", see="mfsr-bench list metrics")
    from functools import partial

    from benchmarks.conformance.scoring import score_pairs
    from benchmarks.progress import progress

    with progress() as show:
        score = partial(score_pairs, workers=cores(), devices=devices(()), show=show)
        found = verify(sr, hr, theirs, score=score, metrics=chosen, subset=subset)
    if as_json:
        console.print_json(found.as_json())
    else:
        _print(found)
    if not found.agrees:
        raise typer.Exit(1)


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
