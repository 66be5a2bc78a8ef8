"""A method whose costs are known in closed form, and cases of measuring it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Self

import torch
from torch import nn

from benchmarks.api.card import MethodCard
from benchmarks.api.prompts import PromptCard, PromptExtractor, PromptRuntime
from benchmarks.api.restorer import LRBatch, Restorer, Runtime
from benchmarks.bench.measure import Case, Measuring, Split, Timed, Unmeasured
from benchmarks.methods import Method


class Clock:
    """Time that passes only when somebody works."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


CLOCK = Clock()


class Costs(Restorer):
    """One convolution in each of two stages, and one outside of them; on CLOCK: 3, 5 and 2 s."""

    card = MethodCard(
        name="costs", title="Costs", default_steps=2, nfe_per_step=2, prompt="tags:dape"
    )
    seen: list[torch.Tensor]
    prompts: list[tuple[str, ...]]

    @classmethod
    def load(cls, runtime: Runtime) -> Self:
        CLOCK.now += 100
        self = cls(runtime)
        self.vae, self.network, self.unused = (nn.Conv2d(3, 3, 1, bias=False) for _ in range(3))
        self.last = nn.Conv2d(3, 3, 3, padding=1)
        self.seen, self.prompts = [], []
        return self

    def _restore(self, batch: LRBatch, steps: int | None) -> torch.Tensor:
        assert steps == 2
        assert batch.prompts is not None
        self.seen.append(batch.images)
        self.prompts.append(batch.prompts)
        with self.stage("vae"):
            CLOCK.now += 3
            x = self.vae(batch.images)
        with self.stage("network"):
            CLOCK.now += 5
            x = self.network(self.vae(x))
        CLOCK.now += 2 + (10 if len(self.seen) == 1 else 0)
        return self.last(x).repeat_interleave(4, -1).repeat_interleave(4, -2).sigmoid()


class DiesInTheSplit(Costs):
    """Ends its process as soon as stages are measured."""

    def _restore(self, batch: LRBatch, steps: int | None) -> torch.Tensor:
        if self.clock is not None:
            os._exit(9)
        return super()._restore(batch, steps)


class Tagger(PromptExtractor):
    """Takes 7 s per image on CLOCK, and one number of every image times one parameter."""

    card = PromptCard(kind="tags:dape", title="Tagger")

    @classmethod
    def load(cls, runtime: PromptRuntime) -> Self:
        self = cls(runtime)
        self.weight = nn.Parameter(torch.ones(1))
        return self

    def _extract(self, images: Any) -> list[str]:
        CLOCK.now += 7 * len(images)
        return [f"brightness {float(image.mean() * self.weight):.4f}" for image in images]


def case(kind: type[Restorer] = Costs, *, runtime: Runtime | None = None, **changes: Any) -> Case:
    """Return what measures a restorer: 2 runs to warm up and 4 to measure, of 6 x 8 pixels."""
    card = kind.card
    method = Method(
        key=card.name,
        title=card.title,
        restorer=kind,
        runtime=runtime or Runtime(card=card),
        steps=card.default_steps,
    )
    made = Case(
        method=method,
        extractor=Tagger if card.prompt != "none" else None,
        batch=1,
        height=8,
        width=6,
        warm_up=2,
        repeats=4,
        split=True,
    )
    return replace(made, **changes)


def measure(case: Case) -> Iterator[Timed | Split | Unmeasured]:
    """Measure in this process: latency, then the split where it is wanted."""
    measuring = Measuring(case)
    try:
        found = measuring("latency")
        yield found
        if case.split and isinstance(found, Timed):
            yield measuring("split")
    finally:
        measuring.close()
