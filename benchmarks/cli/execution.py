"""A settled run with its progress on stderr and its tables on stdout."""

from __future__ import annotations

import signal
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import typer

from benchmarks import console, registry
from benchmarks.api.errors import MFSRBenchError
from benchmarks.api.images import write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.engine.config import RunConfig
    from benchmarks.engine.preflight import Request
    from benchmarks.results.cache import ScoreCache


class InterruptedRunError(MFSRBenchError):
    """The user stopped the run; all finished work is kept."""

    exit_code = 130


def carry_out(
    request: Request,
    *,
    fetch: bool,
    plan: bool,
    quiet: bool,
    json: bool,
    then: Callable[[Path], None] | None = None,
) -> None:
    """Show the plan of a run, or run it and print its tables.

    Args:
        request: the run.
        fetch: get weights that are missing.
        plan: print what would be done, and do nothing.
        quiet: no progress on stderr.
        json: print JSON.
        then: what else is made of the finished run directory.

    Raises:
        typer.Exit: code 1, where failures are recorded.
        MFSRBenchError: something is missing, or the run could not go on.
    """
    from benchmarks.results.cache import ScoreCache

    cache = ScoreCache()
    if plan:
        from benchmarks.cli.plan import show_plan
        from benchmarks.engine.preflight import prepare

        show_plan(prepare(request, cache), cache, json=json)
        return
    config = settle(request, cache, fetch=fetch)
    failures = execute(config, cache, quiet=quiet)
    show_results(config.out, failures, json=json)
    if then:
        then(config.out)
    raise typer.Exit(1 if failures else 0)


def settle(request: Request, cache: ScoreCache, *, fetch: bool) -> RunConfig:
    """Return the run that is asked for, with nothing missing.

    Args:
        request: the run.
        cache: of scores and hashes.
        fetch: get weights that are missing.

    Raises:
        MFSRBenchError: something is missing; the message names all of it.
    """
    from benchmarks.cli.weights import fetch_all
    from benchmarks.engine.preflight import prepare

    settled = prepare(request, cache)
    if fetch and settled.missing:
        fetch_all(item.status for item in settled.missing if item.status)
        settled = prepare(request, cache)
    settled.refuse_missing()
    return settled.config


def execute(config: RunConfig, cache: ScoreCache, *, quiet: bool) -> int:
    """Run, with progress on stderr; return the number of recorded failures.

    Raises:
        InterruptedRunError: the user stopped it, or the process was asked to end.
    """
    from benchmarks.engine.events import Completed
    from benchmarks.engine.run import run as run_events
    from benchmarks.progress import progress
    from benchmarks.results.session import session

    for dataset in () if quiet else config.datasets:
        for note in dataset.notes:
            console.say(f"{dataset.card.id}: {note}")
    failures = 0
    before = signal.signal(signal.SIGTERM, _as_interrupt)
    opened = {dataset.card.id: dataset.spec for dataset in config.datasets}
    with session(config.out, opened) as closing:
        try:
            with progress(quiet=quiet) as show:
                for event in run_events(config, cache):
                    show(event)
                    if isinstance(event, Completed):
                        failures = event.failures
        except KeyboardInterrupt:
            raise InterruptedRunError(
                f"Interrupted. All finished work is kept in {config.out}.",
                "Repeat the command to go on.",
            ) from None
        finally:
            signal.signal(signal.SIGTERM, before)
        closing.exit_code = 1 if failures else 0
    return failures


def show_results(out: Path, failures: int, *, json: bool) -> None:
    """Print the tables of a run, and leave them in it as Markdown."""
    from benchmarks.results.read import read_run

    results = read_run(out)
    see = "mfsr-bench doctor"
    markdown = registry.load("reports", "markdown", what="report", see=see)
    write_atomic(out / "summary.md", markdown(results).encode())
    if json:
        tables = registry.load("reports", "json", what="report", see=see)(results)
        console.print_json({"run": str(out), "failures": failures, "tables": tables})
        return
    registry.load("reports", "table", what="report", see=see)(results, console.out())
    console.say(f"Run: {out}")
    if failures:
        console.say(f"{failures} failures are recorded in {out}/failures.csv.", style="yellow")


def _as_interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
