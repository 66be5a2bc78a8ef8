"""Reading a finished or unfinished run, for reports."""

from __future__ import annotations

from pathlib import Path

from benchmarks.api.errors import DataError
from benchmarks.api.images import show
from benchmarks.results.directory import RunDirectory
from benchmarks.results.rows import (
    FailureRow,
    ImageRow,
    PromptRow,
    RunResults,
    ScoreRow,
    SetScoreRow,
    TimingRow,
)
from benchmarks.results.store import FILE, RunStore


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
        return RunResults(
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
