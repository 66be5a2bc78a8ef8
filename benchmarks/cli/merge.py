"""`mfsr-bench merge`: the parts of a run (`--shard`) as one run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks import console
from benchmarks.cli.execution import show_results
from benchmarks.options import Form, Json, Quiet, split_datasets
from benchmarks.tables.write import chosen_format

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.engine.events import Event
    from benchmarks.plan import ImageSet, Scoring
    from benchmarks.results.cache import ScoreCache
    from benchmarks.results.rows import RunResults


def merge(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Run directory to make.")],
    runs: Annotated[list[Path], typer.Argument(metavar="RUN ...", help="The parts.")],
    *,
    datasets: Annotated[
        list[str] | None,
        typer.Option("--datasets", "-d", help="Where they lie here, if not where they lay."),
    ] = None,
    quiet: Quiet = False,
    form: Form = None,
    json: Json = False,
) -> None:
    """Put the parts of one run together: rows, images, and FID over all of them.

    Parts that overlap, or were made by other commands, commits or versions, are refused. Repeated
    with the same parts it goes over them again.

    Examples:
        mfsr-bench merge runs/whole runs/part-1 runs/part-2
    """
    form = chosen_format(form, None, json=json)
    from benchmarks.progress import progress
    from benchmarks.results.cache import ScoreCache
    from benchmarks.results.merge import absent, read_parts

    parts = read_parts(runs, out)
    cache = ScoreCache()
    sets, scoring = _sets(parts, split_datasets(datasets), cache)
    missing = absent(parts)
    if missing:
        console.say(f"Not among the parts: {', '.join(missing)}.", style="yellow")
    with progress(quiet=quiet) as show:
        for event in _merged(parts, out, sets, scoring, cache):
            show(event)
    failures = sum(len(part.failures) for part in parts)
    show_results(out, failures, form)
    raise typer.Exit(1 if failures or missing else 0)


def _merged(
    parts: Sequence[RunResults],
    out: Path,
    sets: Sequence[ImageSet],
    scoring: Scoring,
    cache: ScoreCache,
) -> Iterator[Event]:
    from dataclasses import replace

    from benchmarks.engine.score import Ledger
    from benchmarks.engine.score_sets import score_sets
    from benchmarks.results.directory import RunDirectory
    from benchmarks.results.export import export
    from benchmarks.results.merge import begin, sources, write_whole
    from benchmarks.results.rows import ImageRow
    from benchmarks.results.session import session
    from benchmarks.results.store import RunStore

    directory = RunDirectory(out)
    with directory.locked():
        store = RunStore(out)
        try:
            begin(parts, directory)
            with session(out, merged=sources(parts)) as ending:
                write_whole(parts, directory, store)
                for one in sets:
                    srs = {
                        method: {
                            row.image: directory.image(method, one.dataset, row.image)
                            for row in store.rows(ImageRow, dataset=one.dataset, method=method)
                        }
                        for method in parts[0].run["identity"]["methods"]
                    }
                    asked = {image for files in srs.values() for image in files}
                    hrs = {image: hr for image, hr in one.hrs.items() if image in asked}
                    whole = replace(one, srs=srs, hrs=hrs)
                    ledger = Ledger(store, cache, scoring.versions)
                    yield from score_sets([whole], scoring, ledger)
                ending["exit_code"] = 0
            export(store, out)
        finally:
            store.close()


def _sets(
    parts: Sequence[RunResults], specs: Sequence[str], cache: ScoreCache
) -> tuple[list[ImageSet], Scoring]:
    """Return the data sets with the metrics of whole sets, and what these are computed with.

    Raises:
        MFSRBenchError: data sets or weights that these metrics need are not here.
    """
    from benchmarks.missing import refuse
    from benchmarks.results.session import read_sessions
    from benchmarks.settle import settle_sets

    found: dict[str, str] = {}
    for part in parts:
        for session in read_sessions(part.path):
            found |= session.get("datasets", {})
    settled = settle_sets(parts[0].run["identity"], specs or tuple(found.values()), cache)
    refuse(settled.missing)
    return settled.plan
