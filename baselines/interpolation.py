"""Nearest, bicubic and Lanczos interpolation: the floor that every method has to clear.

Computed by Pillow on 8-bit images, as the "bicubic" rows of the literature are (a = -0.5); OpenCV's
bicubic (a = -0.75) gives other numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from benchmarks.api.card import MethodCard
from benchmarks.api.restorer import LRBatch, Restorer, Runtime

if TYPE_CHECKING:
    from torch import Tensor


class _Interpolation(Restorer):
    """Resize by one of Pillow's filters."""

    resampling: ClassVar[str]  # a name of PIL.Image.Resampling

    @classmethod
    def load(cls, runtime: Runtime) -> Self:
        """Return the method; there is nothing to load."""
        return cls(runtime)

    def _restore(self, batch: LRBatch, steps: int | None) -> Tensor:
        import torch

        return torch.stack([self._resize(image) for image in batch.images])

    def _resize(self, image: Tensor) -> Tensor:
        import numpy as np
        from PIL import Image

        from benchmarks.api.images import to_tensor, to_uint8

        scale = self.runtime.card.scale
        size = (scale * image.shape[-1], scale * image.shape[-2])
        lr = Image.fromarray(to_uint8(image))
        return to_tensor(np.asarray(lr.resize(size, Image.Resampling[self.resampling])))


class Nearest(_Interpolation):
    """Nearest neighbour."""

    card = MethodCard(name="nearest", title="Nearest")
    resampling = "NEAREST"


class Bicubic(_Interpolation):
    """Bicubic, a = -0.5."""

    card = MethodCard(name="bicubic", title="Bicubic")
    resampling = "BICUBIC"


class Lanczos(_Interpolation):
    """Lanczos, 3 lobes."""

    card = MethodCard(name="lanczos", title="Lanczos")
    resampling = "LANCZOS"
