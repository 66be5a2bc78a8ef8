"""`mfsr-bench sweep-steps`: quality over the number of sampling steps, the paper's Figure 5."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks import console, registry
from benchmarks.api.errors import DataError, UsageError
from benchmarks.cli.execution import carry_out
from benchmarks.cli.machine import cores, devices
from benchmarks.cli.options import (
    DEFAULT_PROTOCOL,
    Datasets,
    Devices,
    Dtype,
    Limit,
    Metrics,
    Missing,
    Out,
    Plan,
    Policy,
    Prompts,
    ProtocolId,
    Seed,
    Workers,
)
from benchmarks.methods import parse
from benchmarks.options import Json, Quiet, split_datasets, split_lists

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.api.card import MethodCard

DEFAULT_STEPS = "1,2,3,4,5,8"
DEFAULT_METHODS = ("mfsr-tiny", "dit4sr-tiny", "bicubic")
DEFAULT_DATASETS = ("sample",)
FIGURE = "steps"  # the report that draws it, and its folder in a run


def sweep_steps(
    *,
    methods: Annotated[
        list[str] | None,
        typer.Option(
            "--methods",
            "-m",
            help="name[+option=value], as a comma list; name@steps stays as it is.",
        ),
    ] = None,
    steps: Annotated[
        str, typer.Option("--steps", help="Numbers of steps, as a comma list.")
    ] = DEFAULT_STEPS,
    datasets: Datasets = None,
    metrics: Metrics = None,
    protocol: ProtocolId = DEFAULT_PROTOCOL,
    out: Out = None,
    plan: Plan = False,
    missing: Missing = None,
    seed: Seed = 0,
    device: Devices = None,
    dtype: Dtype = None,
    prompts: Prompts = "",
    limit: Limit = None,
    workers: Workers = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Run methods at several numbers of steps; one row each, a figure and its table.

    A method with one legal number of steps, or none at all, runs once. It is a run as any other:
    the same command finishes what was interrupted, and more steps may join the same --out.
    """
    from benchmarks.engine.preflight import Request

    embedded = not methods and not datasets
    policy = missing or (Policy.SKIP if embedded else Policy.ERROR)
    request = Request(
        methods=expand(split_lists(methods) or DEFAULT_METHODS, step_counts(steps)),
        datasets=split_datasets(datasets) or DEFAULT_DATASETS,
        metrics=split_lists(metrics),
        protocol=protocol,
        out=out,
        seed=seed,
        devices=devices(split_lists(device)),
        workers=cores() if workers is None else workers,
        dtype=dtype,
        prompts=prompts,
        missing="skip" if policy is Policy.SKIP else "error",
        limit=limit,
    )
    carry_out(request, fetch=policy is Policy.FETCH, plan=plan, quiet=quiet, json=json, then=_draw)


def step_counts(text: str) -> tuple[int, ...]:
    """Return the numbers of a comma list, each once, in order.

    >>> step_counts("1, 2,4,2")
    (1, 2, 4)

    Raises:
        UsageError: one of them is not a whole number from 1, or there are none.
    """
    words = split_lists([text])
    for word in words:
        if not (word.isascii() and word.isdigit() and int(word)):
            raise UsageError(f"--steps: {word!r} is not a number of steps.", "Use, say: 1,2,4")
    return tuple(dict.fromkeys(map(int, words)))


def expand(methods: Iterable[str], steps: Sequence[int]) -> tuple[str, ...]:
    """Return the methods to run: each that can run several numbers of steps, at each of `steps`.

    Raises:
        UnknownNameError: no such method.
        UsageError: a method can run several numbers of steps, but none of `steps`.
    """
    found = []
    for text in methods:
        spec = parse(text)
        card = registry.restorer(spec.name).card_for(spec.argument)
        if spec.steps is not None or not _sweepable(card):
            found.append(text)
            continue
        legal = [n for n in steps if card.legal_steps is None or n in card.legal_steps]
        if not legal:
            card.check_steps(steps[0])  # raises: it says which are legal
        name, plus, options = text.partition("+")
        found += [f"{name}@{n}{plus}{options}" for n in legal]
    return tuple(dict.fromkeys(found))


def _sweepable(card: MethodCard) -> bool:
    return card.default_steps is not None and (
        card.legal_steps is None or len(card.legal_steps) > 1
    )


def _draw(run: Path) -> None:
    """Draw the figure of a run, and name its files on stderr; without that report, say so."""
    from benchmarks.results.read import read_run

    if FIGURE not in registry.entries("reports"):
        console.say(f"No figure: no report '{FIGURE}' is installed.", style="yellow")
        return
    draw = registry.load("reports", FIGURE, what="report", see="mfsr-bench doctor")
    try:
        paths = draw(read_run(run), run / FIGURE)
    except DataError as error:  # one number of steps makes no curve
        console.say(f"No figure: {error}", style="yellow")
        return
    for path in paths:
        console.say(f"Wrote {path}")
