"""Each image's own stream of noise, for methods that draw more than once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from benchmarks.api.restorer import LRBatch

Draw = Callable[[], "Tensor"]  # N(0, 1) noise (B, *shape), float32, on the CPU


def draws(batch: LRBatch, *shape: int) -> Draw:
    """Return what gives the batch's noise of a shape, each call the next of each image's stream."""
    import torch

    generators = batch.generators()
    return lambda: torch.stack([torch.randn(shape, generator=g) for g in generators])
