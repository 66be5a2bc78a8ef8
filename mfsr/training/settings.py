"""What the training loop is told, and what it reports."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass as document

from benchmarks.api.documents import STRICT

if TYPE_CHECKING:
    from collections.abc import Mapping

Precision = Literal["no", "bf16", "fp16"]
_Count = Annotated[int, Field(ge=1)]
_CountOrNone = Annotated[int, Field(ge=0)]
_Share = Annotated[float, Field(ge=0, lt=1)]

# What may change between two commands of one run: it alters no number that is kept.
FREE = frozenset(
    f"trainer.{name}" for name in ("log_every", "sample_every", "checkpoint_every", "keep")
)


@document(frozen=True, slots=True, kw_only=True, config=STRICT)
class TrainerConfig:
    """The loop's settings. Sizes are per process."""

    seed: int = 0
    steps: _Count = 12_000  # optimiser steps
    batch: _Count = 10  # samples of a micro-batch
    accumulate: _Count = 1  # micro-batches of a step
    learning_rate: Annotated[float, Field(ge=0)] = 5e-5
    betas: tuple[_Share, _Share] = (0.9, 0.999)
    eps: Annotated[float, Field(gt=0)] = 1e-8
    weight_decay: Annotated[float, Field(ge=0)] = 0.0  # AdamW's; 0 is Adam
    clip: Annotated[float, Field(gt=0)] = 1.0  # of the gradient's norm
    warmup: _CountOrNone = 0  # steps of linear warm-up
    schedule: Literal["constant", "cosine"] = "constant"
    ema: _Share = 0.0  # decay of the average of the weights; 0: none
    precision: Precision = "bf16"  # of the network's arithmetic; weights that train stay float32
    gradient_checkpointing: bool = False
    log_every: _Count = 10
    sample_every: _CountOrNone = 500  # steps between sample images; 0: none
    checkpoint_every: _Count = 500
    keep: _Count = 2  # checkpoints kept
    export_dtype: Literal["fp32", "bf16", "fp16"] = "fp32"

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        rate = self.learning_rate * min(1.0, (step + 1) / max(1, self.warmup))
        if self.schedule == "cosine":
            rate *= 0.5 * (1 + math.cos(math.pi * min(1.0, step / self.steps)))
        return rate


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """What the loop reports after a step."""

    step: int  # steps done
    steps: int
    loss: float
    scalars: Mapping[str, float]
    seconds: float  # of this step
    seconds_left: float
