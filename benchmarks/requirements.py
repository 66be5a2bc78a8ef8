"""Which weights methods and metrics need, whose they are, and what state they are in here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import registry
from benchmarks.api.metric import WEIGHTS_OWNER
from benchmarks.api.names import unknown
from benchmarks.methods import resolve

if TYPE_CHECKING:
    from benchmarks.api.card import MethodCard, Weights
    from benchmarks.api.errors import UnknownNameError
    from benchmarks.api.metric import MetricSpec
    from benchmarks.api.prompts import PromptCard
    from benchmarks.api.weights import WeightStatus, WeightStore

METRICS = WEIGHTS_OWNER  # metrics share files, so they share an owner


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One weight file or folder, and who needs it."""

    owner: str  # the folder it lies in: a method's name, or "metrics"
    weight: Weights
    needed_by: tuple[str, ...]  # method names or metric ids

    def status(
        self, store: WeightStore, *, sha256: Callable[[Path], str] | None = None
    ) -> WeightStatus:
        """Return what state it is in on this machine."""
        return store.status(self.owner, self.weight, sha256=sha256)


def of_methods(cards: Iterable[MethodCard]) -> tuple[Requirement, ...]:
    """Return what methods need."""
    return tuple(
        Requirement(owner=card.name, weight=weight, needed_by=(card.name,))
        for card in cards
        for weight in card.weights
    )


def of_metrics(specs: Iterable[MetricSpec]) -> tuple[Requirement, ...]:
    """Return what metrics need; a file that several of them share comes once."""
    needed: dict[Weights, list[str]] = {}
    for spec in specs:
        for weight in spec.weights:
            needed.setdefault(weight, []).append(spec.id)
    return tuple(
        Requirement(owner=METRICS, weight=weight, needed_by=tuple(ids))
        for weight, ids in needed.items()
    )


def of_prompts(cards: Iterable[PromptCard]) -> tuple[Requirement, ...]:
    """Return what prompt extractors need."""
    return tuple(
        Requirement(owner=card.name, weight=weight, needed_by=(card.kind,))
        for card in cards
        for weight in card.weights
    )


def of_all() -> tuple[Requirement, ...]:
    """Return what every method and metric that loads needs; broken plugins are passed over."""
    cards, _ = registry.load_every(
        "restorers", lambda name: registry.restorer(name).card.with_own_names()
    )
    return (
        *of_methods(cards.values()),
        *of_prompts(registry.prompt_extractor(name).card for name in registry.entries("prompts")),
        *of_metrics(registry.metric_specs().values()),
    )


def of_names(names: Iterable[str]) -> tuple[Requirement, ...]:
    """Return what the named ones need: methods, metric ids or names, `metrics`, `all`.

    A method is named as on a run, with the options that decide which weights it needs.

    What several of them keep in one place comes once.

    Raises:
        UnknownNameError: a name is neither a method nor a metric.
    """
    from benchmarks.api.weights import WeightStore

    store = WeightStore()
    found: dict[Path, Requirement] = {}
    for name in names:
        for new in _of_name(name):
            place = store.place(new.owner, new.weight)
            known = found.get(place, new)
            needed_by = tuple(dict.fromkeys((*known.needed_by, *new.needed_by)))
            found[place] = replace(known, needed_by=needed_by)
    return tuple(found.values())


def _of_name(name: str) -> tuple[Requirement, ...]:
    specs = registry.metric_specs()
    if name == "all":
        return of_all()
    if name == METRICS:
        return of_metrics(specs.values())
    if name in registry.entries("restorers"):
        return of_methods([registry.restorer(name).card.with_weights_for({})])
    if name.partition("+")[0] in registry.entries("restorers"):
        return of_methods([resolve(name).card])
    if name.replace(":", "-") in registry.entries("prompts"):
        return of_prompts([registry.prompt_extractor(name).card])
    metrics = [spec for spec in specs.values() if name in (spec.id, spec.name)]
    if metrics:
        return of_metrics(metrics)
    known = [*registry.entries("restorers"), *registry.entries("prompts"), *specs]
    known += [METRICS, "all"]
    error: UnknownNameError = unknown(
        "method or metric", name, known, see="mfsr-bench weights list"
    )
    raise error
