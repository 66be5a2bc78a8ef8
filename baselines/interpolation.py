"""Nearest, bicubic and Lanczos interpolation: the floor that every method has to clear.

Computed by Pillow on 8-bit images, as the "bicubic" rows of the literature are (a = -0.5); OpenCV's
bicubic (a = -0.75) gives other numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from benchmarks.api.card import MethodCard
from benchmarks.api.resizing import Filter, resize
from benchmarks.api.restorer import LRBatch, Restorer, Runtime

if TYPE_CHECKING:
    from torch import Tensor


class _Interpolation(Restorer):
    """Resize by one of Pillow's filters."""

    filter: ClassVar[Filter]

    @classmethod
    def load(cls, runtime: Runtime) -> Self:
        """Return the method; there is nothing to load."""
        return cls(runtime)

    def _restore(self, batch: LRBatch, steps: int | None) -> Tensor:
        import torch

        height, width = (self.runtime.card.scale * side for side in batch.images.shape[-2:])
        return torch.stack([resize(image, (height, width), self.filter) for image in batch.images])


class Nearest(_Interpolation):
    """Nearest neighbour."""

    card = MethodCard(name="nearest", title="Nearest")
    filter = "NEAREST"


class Bicubic(_Interpolation):
    """Bicubic, a = -0.5."""

    card = MethodCard(name="bicubic", title="Bicubic")
    filter = "BICUBIC"


class Lanczos(_Interpolation):
    """Lanczos, 3 lobes."""

    card = MethodCard(name="lanczos", title="Lanczos")
    filter = "LANCZOS"
