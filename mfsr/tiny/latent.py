"""The small models' latent: what is missing from their base restoration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from baselines.dit4sr.autoencoder import Autoencoder
from mfsr.tiny.base import CELL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Generator, Tensor

    from mfsr.tiny.base import Base


class ResidualAutoencoder(Autoencoder):
    """x and z_LR by a trained base (`mfsr.tiny.base`); nothing is random."""

    factor = CELL

    def __init__(self, base: Base) -> None:
        self.base = base.eval().requires_grad_(requires_grad=False)
        self.channels = base.config.channels
        self._seen: tuple[Tensor, Tensor] | None = None

    def _features(self, lr_up: Tensor) -> Tensor:
        """Return the base's features, those of the last batch without computing them again."""
        if self._seen is None or self._seen[0] is not lr_up:
            self._seen = lr_up, self.base.features(lr_up)
        return self._seen[1]

    @torch.no_grad()
    def encode_lr(self, lr_up: Tensor, generators: Sequence[Generator] = ()) -> Tensor:
        """Return z_LR: the base's features and the enlarged LR image's cells."""
        return self.base.condition(lr_up, self._features(lr_up))

    @torch.no_grad()
    def encode_hr(self, hr: Tensor, lr_up: Tensor, generators: Sequence[Generator] = ()) -> Tensor:
        """Return x."""
        return self.base.encode(hr, lr_up, self._features(lr_up))

    def decode(self, z: Tensor, lr_up: Tensor) -> Tensor:
        """Return the base's image plus what `z` holds, with gradient for it."""
        return self.base.decode(z, lr_up, self._features(lr_up))
