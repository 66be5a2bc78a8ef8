"""What is asked for, settled: methods resolved, weights found, one case per process."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from benchmarks import registry, requirements
from benchmarks.api.errors import UsageError
from benchmarks.bench.measure import Case
from benchmarks.bench.rows import Conditions
from benchmarks.devices import devices
from benchmarks.methods import Method, Wishes
from benchmarks.request import LOCAL
from benchmarks.results import provenance
from benchmarks.results.speed import device_name
from benchmarks.search import Search
from benchmarks.settle import Settled

if TYPE_CHECKING:
    from benchmarks.api.prompts import PromptCard, PromptExtractor
    from benchmarks.missing import Missing
    from benchmarks.plan import Cluster
    from benchmarks.request import BenchRequest
    from benchmarks.results.cache import ScoreCache

DEFAULT_METHODS = ("nearest", "bicubic", "lanczos")


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchPlan:
    """What is measured, and under which conditions."""

    cases: tuple[Case, ...]
    conditions: Conditions
    cluster: Cluster | None = None  # of the one node that is measured; None: this machine


def settle_bench(request: BenchRequest, cache: ScoreCache) -> Settled[BenchPlan]:
    """Settle a measurement: one case per method and batch size.

    Raises:
        UsageError: a name, option or number that does not exist, or nothing to measure.
        ResourceError: the device is not on this machine.
    """
    device, cluster = _place(request)
    width, height = map(int, re.split("[xX×]", request.lr_size))
    extracted = request.prompts == "extracted"
    wishes = Wishes(
        device=device,
        dtype=request.dtype,
        offload=request.offload,
        prompts="" if extracted else "none",
    )
    search = Search(cache)
    methods = search.methods(request.methods or DEFAULT_METHODS, wishes)
    extractors = {one.key: _extractor(one) if extracted else None for one in methods}
    cards = dict.fromkeys(one.card for one in extractors.values() if one is not None)
    search.weights(requirements.of_prompts(cards))
    if cluster:
        cluster, lacking = _looked_at(cluster, methods, cards, cache)
        search.missing += lacking
    batches = sorted(set(request.batch))
    cases = tuple(
        Case(
            method=method,
            extractor=extractors[method.key],
            batch=batch,
            height=height,
            width=width,
            warm_up=request.warm_up,
            repeats=request.repeats,
            split=batch == batches[0],
        )
        for method in methods
        for batch in batches
    )
    conditions = Conditions(
        lr_width=width,
        lr_height=height,
        device=device,
        device_name=_name(device, cluster),
        warm_up=request.warm_up,
        repeats=request.repeats,
        offload=request.offload,
        machine=cluster.nodes[0].facts.get("machine", {}) if cluster else provenance.machine(),
        tool=provenance.tool(),
        packages=provenance.packages(),
    )
    return Settled(
        BenchPlan(cases=cases, conditions=conditions, cluster=cluster), tuple(search.missing)
    )


def _place(request: BenchRequest) -> tuple[str, Cluster | None]:
    """Return the device, and the cluster with the first node that has it, if any."""
    asked = (request.device,) if request.device else None
    if request.engine == LOCAL:
        (device,) = devices(asked)
        return device, None
    from benchmarks.engine import nodes

    cluster, used = nodes.choose(request.engine, request.nodes, asked)
    able = [node for node in cluster.nodes if node.gpus or used[0] == "cpu"]
    return used[0], replace(cluster, nodes=(able[0],))


def _looked_at(
    cluster: Cluster, methods: Sequence[Method], cards: Iterable[PromptCard], cache: ScoreCache
) -> tuple[Cluster, list[Missing]]:
    from benchmarks.engine import nodes

    needs = (
        *requirements.of_methods(method.card for method in methods),
        *requirements.of_prompts(cards),
    )
    return nodes.look_at(cluster, needs, methods, cache)


def _name(device: str, cluster: Cluster | None) -> str:
    """Return the hardware that is measured."""
    if not cluster:
        return device_name(device)
    machine = cluster.nodes[0].facts.get("machine", {})
    if device == "cpu":
        return f"{machine.get('cpu')}, {machine.get('cores')} cores"
    return next(iter(machine.get("gpus", ())), device)


def _extractor(method: Method) -> type[PromptExtractor] | None:
    if not method.restorer.computes:
        raise UsageError(
            f"'{method.key}' does not compute in this program: there is nothing to measure.",
            "Leave it out, or add the method as a plugin: docs/adding-a-method.md",
        )
    return registry.prompt_extractor(method.card.prompt) if method.asks_for_prompts else None
