"""`mfsr-bench list`: what there is. It imports cards and nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import typer

from benchmarks import registry
from benchmarks.api.card import MethodCard
from benchmarks.api.errors import PluginError
from benchmarks.console import print_json, print_table, say
from benchmarks.options import Json

app = typer.Typer(help="List methods, data sets, metrics or protocols.", no_args_is_help=True)


@app.command()
def methods(*, json: Json = False) -> None:
    """List the methods, with what they need and under which licence they come."""
    cards, broken = registry.load_every("restorers", lambda name: registry.restorer(name).card)
    if json:
        print_json(
            {
                "methods": {name: asdict(card) for name, card in cards.items()},
                "broken": {error.cause: error.remedy for error in broken},
            }
        )
    else:
        print_table(
            ("method", "title", "steps", "prompt", "base model", "licence"),
            [
                (name, card.title, _steps(card), card.prompt, card.base_model, card.licence)
                for name, card in cards.items()
            ],
        )
    _say_broken(broken)


def _say_broken(broken: Iterable[PluginError]) -> None:
    for error in broken:
        say(f"{error.cause} {error.remedy}", style="red")


def _steps(card: MethodCard) -> str:
    if card.default_steps is None:
        return "-"
    legal = "any" if card.legal_steps is None else ",".join(map(str, card.legal_steps))
    return f"{card.default_steps} ({legal})"


@app.command()
def datasets(*, json: Json = False) -> None:
    """List the test sets."""
    cards = registry.dataset_cards()
    if json:
        print_json({name: asdict(card) for name, card in cards.items()})
        return _say_broken(cards.broken)
    print_table(
        ("data set", "title", "n", "reference", "LR", "kind", "licence"),
        [
            (
                card.id,
                card.title,
                str(card.n or "-"),
                "yes" if card.has_reference else "no",
                f"{card.lr_size[1]}x{card.lr_size[0]}" if card.lr_size else "varies",
                card.kind,
                card.licence,
            )
            for card in cards.values()
        ],
    )
    return _say_broken(cards.broken)


@app.command()
def metrics(*, json: Json = False) -> None:
    """List the metrics, in every convention that is in use."""
    specs = registry.metric_specs()
    if json:
        print_json({name: asdict(spec) for name, spec in specs.items()})
        return _say_broken(specs.broken)
    print_table(
        ("metric", "better", "level", "reference", "definition", "used by"),
        [
            (
                spec.id,
                "higher" if spec.higher_is_better else "lower",
                spec.level,
                "yes" if spec.needs_reference else "no",
                spec.definition,
                ", ".join(spec.used_by),
            )
            for spec in specs.values()
        ],
    )
    return _say_broken(specs.broken)


@app.command()
def protocols(*, json: Json = False) -> None:
    """List the protocols: which metrics, on what, under which rule."""
    from benchmarks.metrics.protocol import PROTOCOLS

    found: dict[str, dict[str, Any]] = {
        protocol.id: {**asdict(protocol), "hash": protocol.hash} for protocol in PROTOCOLS.values()
    }
    if json:
        print_json(found)
        return
    print_table(
        ("protocol", "hash", "rule", "with reference", "without"),
        [
            (
                name,
                protocol["hash"],
                protocol["rule"],
                " ".join(protocol["with_reference"]),
                " ".join(protocol["without_reference"]),
            )
            for name, protocol in found.items()
        ],
    )
