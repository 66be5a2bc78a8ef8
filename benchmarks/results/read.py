"""Reading a finished or unfinished run, for reports."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from pathlib import Path

from benchmarks.api.errors import DataError
from benchmarks.api.images import show
from benchmarks.results.directory import RunDirectory
from benchmarks.results.record import is_dataset, is_image, is_method
from benchmarks.results.rows import (
    FailureRow,
    ImageRow,
    PromptRow,
    RunResults,
    ScoreRow,
    SetScoreRow,
    TimingRow,
)
from benchmarks.results.store import FILE, Row, RunStore


def read_run(path: Path) -> RunResults:
    """Return what is known so far of the run in `path`.

    Raises:
        DataError: there is no run in that folder, or it is damaged.
        ConflictError: it was written by another version of this program.
    """
    run = RunDirectory(path).read()
    if run is None or not (path / FILE).is_file():
        raise DataError(
            f"There is no run in {show(path)}.", "Start one with: mfsr-bench run --out DIR"
        )
    store = RunStore(path, read_only=True)
    try:
        found = RunResults(
            path=path,
            run=run,
            images=tuple(store.rows(ImageRow)),
            scores=tuple(store.rows(ScoreRow)),
            set_scores=tuple(store.rows(SetScoreRow)),
            failures=tuple(store.rows(FailureRow)),
            timings=tuple(store.rows(TimingRow)),
            prompts=tuple(store.rows(PromptRow)),
        )
    finally:
        store.close()
    check_names(found)
    return found


def check_names(results: RunResults) -> None:
    """Refuse names that lead out of the folders that files are looked for in."""
    groups: tuple[Iterable[Row], ...] = (
        *(results.images, results.scores, results.set_scores),
        *(results.failures, results.timings, results.prompts),
    )
    metrics = results.run["identity"]["protocol"]["metrics"]
    scored: tuple[ScoreRow | SetScoreRow, ...] = (*results.scores, *results.set_scores)
    for score in scored:
        if score.metric not in metrics:
            raise DataError(
                f"{show(results.path)} has scores of {score.metric!r:.60}, of which its run.json "
                "says nothing.",
                "It was damaged or edited: make the run again in a new folder.",
            )
    for row in chain(*groups):
        image = getattr(row, "image", "")
        method = getattr(row, "method", "x")
        if not (is_dataset(row.dataset) and is_method(method) and is_image(image)):
            named = ", ".join(map(repr, (row.dataset, method, image)))
            raise DataError(
                f"{show(results.path)} has a {type(row).__name__} under names that no run "
                f"gives: {named:.200}",
                "It was damaged or edited: make the run again in a new folder.",
            )
