"""`mfsr-bench sweep-steps` and `sweep`: quality over sampling steps, or over an option.

The first is the paper's Figure 5, the second the perception-distortion curve of a method's knob.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from benchmarks import console, registry
from benchmarks.api.errors import DataError, UsageError
from benchmarks.cli.command import command
from benchmarks.cli.execution import Plan, carry_out
from benchmarks.methods import parse
from benchmarks.options import Form, Json, Quiet
from benchmarks.request import RunRequest, SweepRequest, VaryRequest

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.api.card import MethodCard

DEFAULT_METHODS = ("mfsr-tiny", "dit4sr-tiny", "bicubic")
FIGURE, CURVE = "steps", "curve"  # the reports that draw them, and their folders in a run


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
    carry_out(run, plan=plan, quiet=quiet, json=json, form=form, then=drawn(request))


@command(VaryRequest)
def sweep(
    request: VaryRequest,
    *,
    plan: Plan = False,
    quiet: Quiet = False,
    form: Form = None,
    json: Json = False,
) -> None:
    """Run methods at several values of one option; one row each, and a curve of PSNR and LPIPS.

    For knobs between fidelity and realism: --vary t=0,0.5,0.99 of oftsr, dec-w=0,0.5,1 of
    stablesr, texture=0,0.2,1 of mfsr-tiny. Methods without the option run once. Otherwise it is a
    run as any other: the same command finishes it, and more values may join the same --out.

    Examples:
        mfsr-bench sweep --vary texture=0,0.2,1 -m mfsr-tiny,bicubic
        mfsr-bench sweep --vary dec-w=0,0.5,1 -m stablesr -d realsr -o runs/knob
    """
    option, _, values = request.vary.partition("=")
    methods = expand_option(request.methods or (), option, values.split(","))
    asked = request.model_dump(exclude={"vary"}) | {"methods": methods}
    run = RunRequest(**asked)
    carry_out(run, plan=plan, quiet=quiet, json=json, form=form, then=partial(_draw, CURVE))


def expand_option(methods: Iterable[str], option: str, values: Sequence[str]) -> tuple[str, ...]:
    """Return the methods to run: each that has the option and does not set it, at each value.

    Raises:
        UnknownNameError: no such method.
        UsageError: none of the methods has the option.
    """
    found, known = [], set()
    for text in methods:
        spec = parse(text)
        card = registry.restorer(spec.name).card_for(spec.argument)
        names = {one.name for one in card.options}
        known |= names
        if option not in names or option in spec.options:
            found.append(text)
            continue
        head, colon, argument = text.partition(":")
        found += [f"{head}+{option}={value}{colon}{argument}" for value in values]
    if option not in known:
        has = ", ".join(sorted(known)) or "none"
        raise UsageError(
            f"None of these methods has an option '{option}'; they have: {has}.",
            "Name one with --methods; its options: mfsr-bench list methods --json",
        )
    return tuple(dict.fromkeys(found))


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


def drawn(request: RunRequest) -> Callable[[Path], None] | None:
    """Return what draws the figure that is asked for; None for none."""
    return partial(_draw, request.figure) if request.figure else None


def _draw(figure: str, run: Path) -> None:
    """Draw a figure of a run, and name its files on stderr; without that report, say so."""
    from benchmarks.results.read import read_run

    if figure not in registry.entries("reports"):
        console.say(f"No figure: no report '{figure}' is installed.", style="yellow")
        return
    draw = registry.load("reports", figure, what="report", see="mfsr-bench doctor")
    try:
        paths = draw(read_run(run), run / figure)
    except DataError as error:  # one number of steps makes no curve
        console.say(f"No figure: {error}", style="yellow")
        return
    for path in paths:
        console.say(f"Wrote {path}")
