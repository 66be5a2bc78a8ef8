"""`mfsr-bench sweep-steps`: quality over the number of sampling steps, the paper's Figure 5."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from benchmarks import console, registry
from benchmarks.api.errors import DataError
from benchmarks.cli.command import command
from benchmarks.cli.execution import Plan, carry_out
from benchmarks.methods import parse
from benchmarks.options import Form, Json, Quiet
from benchmarks.request import SweepRequest

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.api.card import MethodCard

DEFAULT_METHODS = ("mfsr-tiny", "dit4sr-tiny", "bicubic")
FIGURE = "steps"  # the report that draws it, and its folder in a run


@command(SweepRequest)
def sweep_steps(
    request: SweepRequest,
    *,
    plan: Plan = False,
    quiet: Quiet = False,
    form: Form = None,
    json: Json = False,
) -> None:
    """Run methods at several numbers of steps; one row each, a figure and its table.

    A method with one legal number of steps, or none at all, runs once. It is a run as any other:
    the same command finishes what was interrupted, and more steps may join the same --out.

    Examples:
        mfsr-bench sweep-steps
        mfsr-bench sweep-steps -m mfsr -d realsr --steps 1,2,4,8 -o runs/steps
    """
    methods = expand(request.methods or DEFAULT_METHODS, request.steps)
    run = request.model_copy(update={"methods": methods})
    carry_out(run, plan=plan, quiet=quiet, json=json, form=form, then=_draw)


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
