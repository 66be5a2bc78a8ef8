"""`mfsr-bench score`: scores of any folder of images, without a run."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmarks.cli.machine import cores, devices
from benchmarks.cli.options import Policy
from benchmarks.console import out, print_json, print_table, say
from benchmarks.options import Json, Quiet, split_lists

if TYPE_CHECKING:
    from benchmarks.api.metric import MetricSpec
    from benchmarks.api.weights import WeightStore
    from benchmarks.engine.score import Resources
    from benchmarks.pairing import Pair
    from benchmarks.results.rows import FailureRow
    from benchmarks.results.store import RunStore


def score(
    sr: Annotated[Path, typer.Option("--sr", help="Folder of images to score.")],
    *,
    hr: Annotated[
        Path | None, typer.Option("--hr", help="Folder of their references, of the same names.")
    ] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option("--metrics", help="Metrics, as a comma list; default: the protocol's."),
    ] = None,
    protocol: Annotated[str, typer.Option(help="Protocol that the names belong to.")] = (
        "mfsr-paper-v1"
    ),
    conventions: Annotated[
        bool,
        typer.Option("--conventions", help="Score every convention in use, and say whose it is."),
    ] = False,
    expect: Annotated[
        str | None,
        typer.Option(help="METRIC=VALUE: with --conventions, mark what comes nearest to it."),
    ] = None,
    missing: Annotated[
        Policy, typer.Option(help="Metrics whose weights are not here.")
    ] = Policy.ERROR,
    per_image: Annotated[
        Path | None, typer.Option("--per-image", help="Write every image's values as CSV.")
    ] = None,
    device: Annotated[
        list[str] | None, typer.Option(help="cpu, cuda or cuda:N; default: a GPU if any.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=0, help="Processes for light metrics; default: all cores.")
    ] = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Score a folder of images: the means on stdout; exit code 1 if an image has no score.

    What was scored before, here or in a run, is not computed again.
    """
    from benchmarks.engine.folder import resources_for
    from benchmarks.pairing import pair
    from benchmarks.results.cache import ScoreCache

    cache = ScoreCache()
    paired = pair(sr, hr)
    for note in paired.notes:
        say(note)
    names = split_lists(metrics)
    chosen = _chosen(names, protocol, has_reference=hr is not None, every=conventions)
    specs, skipped = _runnable(chosen, missing)
    resources = resources_for(
        specs,
        cache,
        _store(),
        devices=devices(split_lists(device)),
        workers=cores() if workers is None else workers,
    )
    failures = _score(paired.pairs, resources, quiet=quiet)
    summary = _summary(specs, resources.store)
    if per_image:
        _write_per_image(per_image, resources.store)
    if conventions:
        from benchmarks.cli.conventions import show_conventions

        show_conventions(summary, paired.pairs, resources.store, expect, json=json)
    elif json:
        print_json(_as_json(sr, hr, protocol, summary, skipped, failures))
    else:
        _show(summary, skipped)
    for row in failures:
        say(f"no {row.metric} of {row.image or 'the folder'}: {row.cause}", style="red")
    if failures:
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One metric over the folder."""

    spec: MetricSpec
    value: float | None  # the mean of a sample metric, the value of a set metric; None: none
    n: int


def _store() -> WeightStore:
    from benchmarks.api.weights import WeightStore

    return WeightStore()


def _chosen(
    names: tuple[str, ...], protocol: str, *, has_reference: bool, every: bool
) -> tuple[MetricSpec, ...]:
    """Return the metrics to compute; with `every`, all conventions of each."""
    from benchmarks import registry
    from benchmarks.api.errors import UsageError
    from benchmarks.metrics.protocol import find
    from benchmarks.metrics.select import of_protocol, select

    named = find(protocol)
    if names:
        chosen = select(names, named)
        lacking = [spec.id for spec in chosen if spec.needs_reference and not has_reference]
        if lacking:
            raise UsageError(f"{', '.join(lacking)} compare with a reference.", "Add: --hr DIR")
    else:
        chosen = of_protocol(named, has_reference=has_reference)
    if not every:
        return chosen
    wanted = {spec.name for spec in chosen}
    return tuple(
        spec
        for spec in registry.metric_specs().values()
        if spec.name in wanted and (has_reference or not spec.needs_reference)
    )


def _runnable(
    specs: Sequence[MetricSpec], policy: Policy
) -> tuple[tuple[MetricSpec, ...], dict[str, str]]:
    """Return the metrics that can run here, and why the others are skipped.

    Raises:
        WeightsMissingError: weights are missing, and that is not to be skipped.
    """
    from benchmarks.cli.weights import fetch_all
    from benchmarks.metrics.availability import availability

    found = availability(specs, _store())
    if policy is Policy.FETCH and found.lacking:
        fetch_all(found.files)
        found = availability(specs, _store())
    if policy is not Policy.SKIP:
        found.require()
    skipped = {metric: f"missing: {', '.join(files)}" for metric, files in found.lacking.items()}
    return found.ready, skipped


def _score(pairs: Sequence[Pair], resources: Resources, *, quiet: bool) -> list[FailureRow]:
    from benchmarks.engine.folder import score_folder
    from benchmarks.progress import progress
    from benchmarks.results.rows import FailureRow

    with progress(quiet=quiet) as show:
        for event in score_folder(pairs, resources):
            show(event)
    return list(resources.store.rows(FailureRow))


def _summary(specs: Sequence[MetricSpec], store: RunStore) -> list[Summary]:
    from benchmarks.engine.folder import FOLDER, SR
    from benchmarks.results.rows import ScoreRow, SetScoreRow

    found = []
    for spec in specs:
        key = {"dataset": FOLDER, "method": SR, "metric": spec.id}
        if spec.level == "set":
            row = next(store.rows(SetScoreRow, **key), None)
            found.append(
                Summary(spec=spec, value=row.value if row else None, n=row.n if row else 0)
            )
            continue
        values = [row.value for row in store.rows(ScoreRow, **key)]
        mean = fsum(values) / len(values) if values else None
        found.append(Summary(spec=spec, value=mean, n=len(values)))
    return found


def _show(summary: Sequence[Summary], skipped: Mapping[str, str]) -> None:
    print_table(
        ("metric", "value", "n", "better", "definition"),
        [
            (
                one.spec.id,
                "-" if one.value is None else f"{one.value:.{one.spec.decimals}f}",
                str(one.n),
                "higher" if one.spec.higher_is_better else "lower",
                one.spec.definition,
            )
            for one in summary
        ],
    )
    for metric, reason in skipped.items():
        out().print(f"{metric}: skipped; {reason}", markup=False)


def _as_json(
    sr: Path,
    hr: Path | None,
    protocol: str,
    summary: Sequence[Summary],
    skipped: Mapping[str, str],
    failures: Sequence[FailureRow],
) -> dict[str, Any]:
    from dataclasses import asdict

    from benchmarks.metrics.protocol import find

    return {
        "sr": str(sr),
        "hr": str(hr) if hr else None,
        "protocol": protocol,
        "protocol_hash": find(protocol).hash,
        "metrics": {one.spec.id: {"value": one.value, "n": one.n} for one in summary},
        "skipped": dict(skipped),
        "failures": [asdict(row) for row in failures],
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
