"""`mfsr-bench run`: from LR photographs to a table."""

from __future__ import annotations

import signal
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from benchmarks.api.errors import MFSRBenchError
from benchmarks.cli.lists import split_datasets, split_lists
from benchmarks.cli.machine import cores, devices
from benchmarks.cli.options import Json, Policy, Precision
from benchmarks.cli.weights import fetch_all

if TYPE_CHECKING:
    from benchmarks.engine.config import RunConfig
    from benchmarks.results.cache import ScoreCache

# With no argument: on built-in photographs, with methods that need no download.
DEFAULT_METHODS = ("nearest", "bicubic", "lanczos")
DEFAULT_DATASETS = ("sample",)


class InterruptedRunError(MFSRBenchError):
    """The user stopped the run; all finished work is kept."""

    exit_code = 130


def run(
    *,
    methods: Annotated[
        list[str] | None,
        typer.Option("--methods", "-m", help="name[@steps][+option=value], as a comma list."),
    ] = None,
    datasets: Annotated[
        list[str] | None,
        typer.Option("--datasets", "-d", help="Ids, or folder:LR[::HR], as a comma list."),
    ] = None,
    metrics: Annotated[
        list[str] | None, typer.Option("--metrics", help="Metrics; default: those of the protocol.")
    ] = None,
    protocol: Annotated[str, typer.Option(help="Protocol of the table.")] = "mfsr-paper-v1",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Run directory; the same one resumes.")
    ] = None,
    plan: Annotated[
        bool,
        typer.Option("--plan", help="Print what would be done and what lacks; do nothing."),
    ] = False,
    missing: Annotated[
        Policy | None,
        typer.Option(
            help="Metrics whose weights are not here; the table says what was skipped. "
            "Default: error; skip for the embedded job."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the run.")] = 0,
    batch_size: Annotated[int, typer.Option(help="LR images at a time, where sizes agree.")] = 1,
    device: Annotated[
        list[str] | None,
        typer.Option(help="cpu, cuda, or cuda:0,cuda:1 (one worker each). Default: a GPU if any."),
    ] = None,
    dtype: Annotated[Precision | None, typer.Option(help="For the methods that can.")] = None,
    faithful: Annotated[
        bool, typer.Option("--faithful", help="Keep upstream's declared quirks instead of mending.")
    ] = False,
    offload: Annotated[
        bool, typer.Option("--offload", help="Keep on the GPU only the part that computes.")
    ] = False,
    prompts: Annotated[
        str, typer.Option(help="Prompts: a folder of <image>.txt, or none; default: extracted.")
    ] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N images.")] = None,
    images: Annotated[list[str] | None, typer.Option(help="Only these image ids.")] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=0, help="Processes for light metrics; 0: one process for all, to debug."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")] = False,
    json: Json = False,
) -> None:
    """Restore, score and tabulate; with no argument, the embedded job on built-in photographs.

    Whatever is interrupted, the same command finishes it: nothing that is done is done again.
    """
    from benchmarks.engine.preflight import Request, prepare
    from benchmarks.results.cache import ScoreCache

    embedded = not methods and not datasets
    policy = missing or (Policy.SKIP if embedded else Policy.ERROR)
    request = Request(
        methods=split_lists(methods) or DEFAULT_METHODS,
        datasets=split_datasets(datasets) or DEFAULT_DATASETS,
        metrics=split_lists(metrics),
        protocol=protocol,
        out=out,
        seed=seed,
        batch_size=batch_size,
        devices=devices(split_lists(device)),
        workers=cores() if workers is None else workers,
        dtype=dtype,
        faithful=faithful,
        offload=offload,
        prompts=prompts,
        missing="skip" if policy is Policy.SKIP else "error",
        limit=limit,
        images=split_lists(images),
    )
    cache = ScoreCache()
    settled = prepare(request, cache)
    if plan:
        from benchmarks.cli.plan import show_plan

        show_plan(settled, cache, json=json)
        return
    if policy is Policy.FETCH and settled.missing:
        fetch_all(item.status for item in settled.missing if item.status)
        settled = prepare(request, cache)
    settled.refuse_missing()
    raise typer.Exit(_execute(settled.config, cache, quiet=quiet, json=json))


def _execute(config: RunConfig, cache: ScoreCache, *, quiet: bool, json: bool) -> int:
    """Run with progress on stderr, print the tables on stdout, and return the exit code."""
    from benchmarks.engine.events import Completed
    from benchmarks.engine.run import run as run_events
    from benchmarks.progress import progress
    from benchmarks.results.session import session

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
    _report(config.out, failures, json=json)
    return closing.exit_code


def _report(out: Path, failures: int, *, json: bool) -> None:
    """Print the tables of a run, and leave them in it as Markdown."""
    from benchmarks import console, registry
    from benchmarks.api.images import write_atomic
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
