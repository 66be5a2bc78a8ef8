"""A run as a command carries it out: its progress on stderr, its tables on stdout."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from benchmarks import console, registry
from benchmarks.api.errors import MFSRBenchError
from benchmarks.api.images import write_atomic
from benchmarks.tables.write import Format, chosen_format, write

if TYPE_CHECKING:
    from benchmarks.plan import RunPlan
    from benchmarks.request import RunRequest
    from benchmarks.results.cache import ScoreCache

Plan = Annotated[
    bool, typer.Option("--plan", help="Print what would be done and what is missing; do nothing.")
]
_SEE = "mfsr-bench doctor"


class InterruptedRunError(MFSRBenchError):
    """The user stopped the run; all finished work is kept."""

    exit_code = 130


def carry_out(
    request: RunRequest,
    *,
    plan: bool,
    quiet: bool,
    json: bool,
    form: Format | None = None,
    then: Callable[[Path], None] | None = None,
) -> None:
    """Show the plan of a run, or run it and print its tables.

    Args:
        request: the run.
        plan: print what would be done, and do nothing.
        quiet: no progress on stderr.
        json: print JSON.
        form: how the tables look; None for people, on a terminal.
        then: what else is made of the finished run directory.

    Raises:
        typer.Exit: code 1, where failures are recorded.
        MFSRBenchError: something is missing, or the run could not go on.
    """
    from benchmarks.cli.next_steps import say_next_steps
    from benchmarks.results.cache import ScoreCache

    cache = ScoreCache()
    form = chosen_format(form, None, json=json)
    if plan:
        from benchmarks.cli.plan import show_plan
        from benchmarks.engine.nodes import connection
        from benchmarks.settle import settle_run

        with connection(request.engine):
            found = settle_run(request, cache)
        show_plan(found, cache, form)
        return
    asked, failures = _run(request, cache, quiet=quiet)
    show_results(asked.out, failures, form)
    if then:
        then(asked.out)
    if not quiet and form is Format.TERMINAL:
        say_next_steps(asked)
    raise typer.Exit(1 if failures else 0)


def _run(request: RunRequest, cache: ScoreCache, *, quiet: bool) -> tuple[RunPlan, int]:
    """Run what is asked for; return its plan, and how many failures are recorded."""
    from benchmarks.cli.weights import fetch_all
    from benchmarks.engine.events import Completed
    from benchmarks.engine.nodes import connection
    from benchmarks.engine.run import run
    from benchmarks.progress import progress
    from benchmarks.settle import settle_run, settled

    fetch = fetch_all if request.missing == "fetch" else None
    failures = 0
    with connection(request.engine):
        asked = settled(lambda: settle_run(request, cache), fetch=fetch)
        for dataset in () if quiet else asked.datasets:
            for note in dataset.notes:
                console.say(f"{dataset.card.id}: {note}")
        for title, why in asked.blanks.items():
            console.say(f"Left out: {title}: {why}", style="yellow")
        with interruptible(asked.out), progress(quiet=quiet) as show:
            for event in run(asked, cache):
                show(event)
                if isinstance(event, Completed):
                    failures = event.failures
    return asked, failures


@contextmanager
def interruptible(out: Path) -> Iterator[None]:
    """Turn Ctrl-C, and being asked to end, into an error that says how to go on.

    Raises:
        InterruptedRunError: that happened.
    """
    before = signal.signal(signal.SIGTERM, _as_interrupt)
    try:
        yield
    except KeyboardInterrupt:
        raise InterruptedRunError(
            f"Interrupted. All finished work is kept in {out}.", "Repeat the command to go on."
        ) from None
    finally:
        signal.signal(signal.SIGTERM, before)


def _as_interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def show_results(out: Path, failures: int, form: Format) -> None:
    """Print the tables of a run, and leave them in it as Markdown."""
    from benchmarks.results.read import read_run

    results = read_run(out)
    markdown = registry.load("reports", "markdown", what="report", see=_SEE)
    write_atomic(out / "summary.md", markdown(results).encode())
    if form is Format.JSON:
        tables = registry.load("reports", "json", what="report", see=_SEE)(results)
        console.print_json({"run": str(out), "failures": failures, "tables": tables})
        return
    if form is not Format.TERMINAL:
        write(registry.load("reports", "document", what="report", see=_SEE)(results), form)
        return
    registry.load("reports", "table", what="report", see=_SEE)(results, console.out())
    console.say(f"Run: {out}")
    if failures:
        console.say(f"{failures} failures are recorded in {out}/failures.csv.", style="yellow")
