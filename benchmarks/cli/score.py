"""`mfsr-bench score`: scores of any folder of images, without a run."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import asdict, replace
from math import fsum
from typing import TYPE_CHECKING, Any

import typer

from benchmarks.cli.command import command
from benchmarks.console import say
from benchmarks.options import Output, Quiet, unfolded
from benchmarks.request import ScoreRequest
from benchmarks.tables.model import Cell, Column, Document, Footnote, Table, listing

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.plan import ScorePlan
    from benchmarks.results.store import RunStore

Values = dict[str, tuple[float | None, int]]  # metric id -> value of the folder, number of images


@command(ScoreRequest)
@unfolded
def score(request: ScoreRequest, *, quiet: Quiet = False, output: Output) -> None:
    """Score a folder of images: the means on stdout; exit code 1 if an image has no score.

    What was scored before, here or in a run, is not computed again.

    Examples:
        mfsr-bench score --sr results --hr RealSR/HR
        mfsr-bench score --sr results --metrics niqe,musiq --per-image scores.csv
        mfsr-bench score --sr results --hr RealSR/HR --conventions --expect psnr=26.85
    """
    from benchmarks.cli.conventions import show_conventions
    from benchmarks.cli.next_steps import say_fetches
    from benchmarks.cli.weights import fetch_all
    from benchmarks.engine import run
    from benchmarks.engine.nodes import connection
    from benchmarks.progress import progress
    from benchmarks.results.cache import ScoreCache
    from benchmarks.results.rows import FailureRow
    from benchmarks.results.store import RunStore
    from benchmarks.settle import settle_score, settled

    cache, store = ScoreCache(), RunStore(None)
    fetch = fetch_all if request.missing == "fetch" else None
    with connection(request.engine):
        plan = settled(lambda: settle_score(request, cache), fetch=fetch)
        for note in plan.notes:
            say(note)
        with progress(quiet=quiet) as show:
            for event in run.score(plan, store, cache):
                show(event)
    if request.per_image:
        _write_per_image(request.per_image, store)
    values = _values(plan, store)
    if request.conventions:
        found = {metric: value for metric, (value, _) in values.items() if value is not None}
        show_conventions(plan.images, found, store, request.expect, output)
    else:
        data = _as_json(request, plan, values, store)
        output.write(Document(tables=(_table(plan, values),), data=data))
    if output.for_people:
        say_fetches(plan.scoring.skipped)
    failures = list(store.rows(FailureRow))
    for row in failures:
        say(f"no {row.metric} of {row.image or 'the folder'}: {row.cause}", style="red")
    raise typer.Exit(1 if failures else 0)


def _values(plan: ScorePlan, store: RunStore) -> Values:
    """Return the mean of each sample metric, and the value of each set metric."""
    from benchmarks.results.rows import ScoreRow, SetScoreRow

    found: Values = {}
    for spec in plan.images.specs:
        if spec.level == "set":
            row = next(store.rows(SetScoreRow, metric=spec.id), None)
            found[spec.id] = (row.value, row.n) if row else (None, 0)
        else:
            values = [row.value for row in store.rows(ScoreRow, metric=spec.id)]
            found[spec.id] = (fsum(values) / len(values) if values else None, len(values))
    return found


def _table(plan: ScorePlan, values: Values) -> Table:
    columns = (
        Column(title="metric"),
        Column(title="value", numeric=True),
        Column(title="images", key="n", numeric=True),
        Column(title="better"),
    )
    rows = [
        (
            spec.id,
            Cell() if value is None else Cell(text=f"{value:.{spec.decimals}f}", value=value),
            n,
            "higher" if spec.higher_is_better else "lower",
        )
        for spec in plan.images.specs
        for value, n in [values[spec.id]]
    ]
    reasons: dict[str, list[str]] = {}
    for metric, why in plan.scoring.skipped.items():
        reasons.setdefault(why, []).append(metric)
    told = [f"{', '.join(metrics)}: not computed ({why})." for why, metrics in reasons.items()]
    return replace(listing(columns, rows), footnotes=tuple(Footnote(text=text) for text in told))


def _as_json(
    request: ScoreRequest, plan: ScorePlan, values: Values, store: RunStore
) -> Mapping[str, Any]:
    from benchmarks.results.rows import FailureRow

    return {
        "sr": str(request.sr),
        "hr": str(request.hr) if request.hr else None,
        "protocol": plan.scoring.protocol.id,
        "protocol_hash": plan.scoring.protocol.hash,
        "metrics": {metric: {"value": value, "n": n} for metric, (value, n) in values.items()},
        "skipped": dict(plan.scoring.skipped),
        "failures": [asdict(row) for row in store.rows(FailureRow)],
    }


def _write_per_image(path: Path, store: RunStore) -> None:
    """Write one line per image, one column per metric; values as they were computed."""
    from benchmarks.api.images import write_atomic
    from benchmarks.results.rows import ScoreRow

    table: dict[str, dict[str, float]] = {}
    for row in store.rows(ScoreRow):
        table.setdefault(row.image, {})[row.metric] = row.value
    metrics = sorted({metric for values in table.values() for metric in values})
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["image", *metrics])
    for image, values in sorted(table.items()):
        writer.writerow([image, *(repr(values[m]) if m in values else "" for m in metrics)])
    write_atomic(path, text.getvalue().encode())
