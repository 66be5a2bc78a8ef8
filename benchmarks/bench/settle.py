"""What is asked for, settled: methods resolved, weights found, one case per process."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import registry, requirements
from benchmarks.api.errors import UsageError
from benchmarks.bench.measure import Case
from benchmarks.bench.rows import Conditions
from benchmarks.devices import devices
from benchmarks.methods import Method, Wishes
from benchmarks.results import provenance
from benchmarks.results.speed import device_name
from benchmarks.search import Search
from benchmarks.settle import Settled

if TYPE_CHECKING:
    from benchmarks.api.prompts import PromptExtractor
    from benchmarks.request import BenchRequest
    from benchmarks.results.cache import ScoreCache

DEFAULT_METHODS = ("nearest", "bicubic", "lanczos")


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchPlan:
    """What is measured, and under which conditions."""

    cases: tuple[Case, ...]
    conditions: Conditions


def settle_bench(request: BenchRequest, cache: ScoreCache) -> Settled[BenchPlan]:
    """Settle a measurement: one case per method and batch size.

    Raises:
        UsageError: a name, option or number that does not exist, or nothing to measure.
        ResourceError: the device is not on this machine.
    """
    (device,) = devices((request.device,) if request.device else None)
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
        device_name=device_name(device),
        warm_up=request.warm_up,
        repeats=request.repeats,
        offload=request.offload,
        machine=provenance.machine(),
        tool=provenance.tool(),
        packages=provenance.packages(),
    )
    return Settled(BenchPlan(cases=cases, conditions=conditions), tuple(search.missing))


def _extractor(method: Method) -> type[PromptExtractor] | None:
    if not method.restorer.computes:
        raise UsageError(
            f"'{method.key}' does not compute in this program: there is nothing to measure.",
            "Leave it out, or add the method as a plugin: docs/adding-a-method.md",
        )
    return registry.prompt_extractor(method.card.prompt) if method.asks_for_prompts else None
