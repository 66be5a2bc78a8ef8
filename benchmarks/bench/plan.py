"""What is asked for, settled: methods resolved, weights found, one task per process."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from benchmarks import registry, requirements
from benchmarks.api.card import Dtype
from benchmarks.api.errors import ConfigError, UsageError
from benchmarks.api.restorer import Runtime
from benchmarks.api.weights import WeightStore
from benchmarks.bench.measure import Task
from benchmarks.bench.rows import Conditions
from benchmarks.engine.missing import missing_weights, refuse
from benchmarks.methods import Method, resolve_all
from benchmarks.results import provenance
from benchmarks.results.speed import device_name

if TYPE_CHECKING:
    from benchmarks.api.prompts import PromptExtractor

_SIZE = re.compile(r"([1-9]\d{0,4})[xX×]([1-9]\d{0,4})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A measurement as the user asks for it."""

    methods: tuple[str, ...]
    width: int = 128  # LR pixels
    height: int = 128  # LR pixels
    batches: tuple[int, ...] = (1,)
    repeats: int = 20
    warm_up: int = 3
    device: str = "cpu"
    dtype: str | None = None
    prompts: bool = True  # False: empty ones, in the place of extracted ones
    offload: bool = False


def parse_size(text: str) -> tuple[int, int]:
    """Return (width, height) of an image size as people write it.

    >>> parse_size("160x120")
    (160, 120)

    Raises:
        UsageError: it is no size.
    """
    found = _SIZE.fullmatch(text)
    if not found:
        raise UsageError(f"'{text}' is not WIDTHxHEIGHT in pixels.", "Use, say: --lr-size 128x128")
    return int(found[1]), int(found[2])


def parse_batches(texts: tuple[str, ...]) -> tuple[int, ...]:
    """Return batch sizes, smallest first.

    Raises:
        UsageError: one of them is no number from 1.
    """
    for text in texts:
        if not (text.isascii() and text.isdigit() and int(text) > 0):
            raise UsageError(f"'{text}' is not a batch size.", "Use, say: --batch 1,4")
    return tuple(sorted(map(int, texts)))


def prepare(request: Request) -> list[Task]:
    """Settle what is asked for: one task per method and batch size.

    Raises:
        UsageError: a name, option or number that does not exist, or nothing to measure.
        WeightsError: weights are missing; the message names them all.
    """
    if request.warm_up < 1 or request.repeats < 1:
        raise ConfigError("--warm-up and --repeats are at least 1.")
    store = WeightStore()
    methods = _methods(request, store)
    extractors = {method.key: _extractor(method, request) for method in methods}
    needs = (
        *requirements.of_methods(method.card for method in methods),
        *requirements.of_prompts(
            dict.fromkeys(one.card for one in extractors.values() if one is not None)
        ),
    )
    refuse(missing_weights(needs, store), see="mfsr-bench doctor")
    return [
        Task(
            method=method,
            extractor=extractors[method.key],
            batch=batch,
            height=request.height,
            width=request.width,
            warm_up=request.warm_up,
            repeats=request.repeats,
            split=batch == request.batches[0],
        )
        for method in methods
        for batch in request.batches
    ]


def conditions(request: Request) -> Conditions:
    """Return what all measurements of a request share."""
    return Conditions(
        lr_width=request.width,
        lr_height=request.height,
        device=request.device,
        device_name=device_name(request.device),
        warm_up=request.warm_up,
        repeats=request.repeats,
        offload=request.offload,
        machine=provenance.machine(),
        tool=provenance.tool(),
        packages=provenance.packages(),
    )


def _methods(request: Request, store: WeightStore) -> tuple[Method, ...]:
    base = Runtime(
        card=registry.restorer("bicubic").card,
        weights=store,
        device=request.device,
        dtype=next((name for name in get_args(Dtype) if name == request.dtype), None),
        offload=request.offload,
    )
    methods = resolve_all(request.methods, base, prompts="" if request.prompts else "none")
    for method in methods:
        if not method.restorer.computes:
            raise UsageError(
                f"'{method.key}' does not compute in this program: there is nothing to measure.",
                "Leave it out, or add the method as a plugin: docs/adding-a-method.md",
            )
    return methods


def _extractor(method: Method, request: Request) -> type[PromptExtractor] | None:
    kind = method.card.prompt
    if kind in ("none", "fixed") or not request.prompts:
        return None
    return registry.prompt_extractor(kind)
