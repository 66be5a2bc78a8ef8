"""What the training loop is told, and what it reports."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from benchmarks.api.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

Precision = Literal["no", "bf16", "fp16"]

# What may change between two commands of one run: it alters no number that is kept.
FREE = frozenset(
    f"trainer.{name}" for name in ("log_every", "sample_every", "checkpoint_every", "keep")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainerConfig:
    """The loop's settings. Sizes are per process."""

    seed: int = 0
    steps: int = 12_000  # optimiser steps
    batch: int = 10  # samples of a micro-batch
    accumulate: int = 1  # micro-batches of a step
    learning_rate: float = 5e-5
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0  # AdamW's; 0 is Adam
    clip: float = 1.0  # of the gradient's norm
    warmup: int = 0  # steps of linear warm-up
    schedule: Literal["constant", "cosine"] = "constant"
    ema: float = 0.0  # decay of the average of the weights; 0: none
    precision: Precision = "bf16"  # of the network's arithmetic; weights that train stay float32
    gradient_checkpointing: bool = False
    log_every: int = 10
    sample_every: int = 500  # steps between sample images; 0: none
    checkpoint_every: int = 500
    keep: int = 2  # checkpoints kept
    export_dtype: Literal["fp32", "bf16", "fp16"] = "fp32"

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "accumulate", "log_every", "checkpoint_every", "keep"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if not 0 <= self.ema < 1:
            raise ConfigError(f"ema is {self.ema}; it must lie in [0, 1)")

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        rate = self.learning_rate * min(1.0, (step + 1) / max(1, self.warmup))
        if self.schedule == "cosine":
            rate *= 0.5 * (1 + math.cos(math.pi * min(1.0, step / self.steps)))
        return rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What the loop reports after a step."""

    step: int  # steps done
    steps: int
    loss: float
    scalars: Mapping[str, float]
    seconds: float  # of this step
    seconds_left: float
