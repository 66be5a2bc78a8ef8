"""The base of the small models: a restoration without randomness, and how far off it expects to be.

The flow has to make only what the base b cannot know. x, its latent, is the rest in whitened cells
of 4 x 4 pixels, with s the expected error of a cell and W the leading principal components of the
rest, each scaled to unit variance:

    x = W unshuffle((hr - b) / s),    sr = b + s shuffle(W^+ x).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
import torch.nn.functional as F
from pydantic.dataclasses import dataclass as document
from torch import Tensor, nn

from benchmarks.api.documents import STRICT
from mfsr.tiny.network import Trunk

if TYPE_CHECKING:
    from collections.abc import Iterable

CELL = 4  # pixels each way
_NUMBERS = 3 * CELL * CELL  # of a cell


@document(frozen=True, slots=True, kw_only=True, config=STRICT)
class BaseConfig:
    """The size of a base and of its latent."""

    width: int = 48
    blocks: tuple[int, int, int] = (2, 3, 2)  # as `UNetConfig`
    channels: int = 24  # of x

    @property
    def condition(self) -> int:
        """Channels of z_LR: the base's features, and the cells of the enlarged LR image."""
        return self.width + _NUMBERS


class Base(nn.Module):
    """Enlarged LR images (B, 3, 4h, 4w) in [0, 1] -> b of that shape, and log s (B, 1, h, w)."""

    whiten: Tensor  # W, (channels, 48)
    colour: Tensor  # W^+, (48, channels)

    def __init__(self, config: BaseConfig) -> None:
        super().__init__()
        self.config = config
        self.trunk = Trunk(_NUMBERS, config.width, config.blocks)
        self.proj_out = nn.Conv2d(config.width, _NUMBERS, 3, padding=1)
        last = nn.Conv2d(32, 1, 1)
        self.error = nn.Sequential(nn.Conv2d(config.width, 32, 3, padding=1), nn.SiLU(), last)
        for layer in (self.proj_out, last):
            nn.init.zeros_(layer.weight)
        nn.init.zeros_(self._bias(self.proj_out))  # b starts at the enlarged LR image
        nn.init.constant_(self._bias(last), -3.0)  # s at a twentieth of the range
        self.register_buffer("whiten", torch.zeros(config.channels, _NUMBERS))
        self.register_buffer("colour", torch.zeros(_NUMBERS, config.channels))

    @staticmethod
    def _bias(layer: nn.Conv2d) -> Tensor:
        assert layer.bias is not None
        return layer.bias

    def forward(self, lr_up: Tensor) -> tuple[Tensor, Tensor]:
        """Return b, not clamped, and log s, whose gradient stays in its own layers."""
        features: Tensor = self.trunk(F.pixel_unshuffle(lr_up, CELL) - 0.5)
        b = lr_up + F.pixel_shuffle(self.proj_out(features), CELL)
        return b, self.error(features.detach())

    def condition(self, lr_up: Tensor) -> Tensor:
        """Return z_LR, (B, condition, h, w)."""
        cells = F.pixel_unshuffle(lr_up, CELL) - 0.5
        return torch.cat([self.trunk(cells), 4 * cells], dim=1)  # 4: to about unit variance

    def encode(self, hr: Tensor, lr_up: Tensor) -> Tensor:
        """Return x, (B, channels, h, w)."""
        return torch.einsum("kc,bchw->bkhw", self.whiten, self._rest(hr, lr_up))

    def decode(self, x: Tensor, lr_up: Tensor) -> Tensor:
        """Return sr, not clamped."""
        b, log_error = self(lr_up)
        cells = torch.einsum("ck,bkhw->bchw", self.colour, x)
        return cast("Tensor", b + F.pixel_shuffle(log_error.exp() * cells, CELL))

    @torch.no_grad()
    def fit_whitening(self, pairs: Iterable[tuple[Tensor, Tensor]]) -> Tensor:
        """Set W and W^+ from the second moments over (hr, lr_up); return all 48 variances."""
        moments = torch.zeros(_NUMBERS, _NUMBERS, dtype=torch.float64)
        count = 0
        for hr, lr_up in pairs:
            rows = self._rest(hr, lr_up).permute(0, 2, 3, 1).reshape(-1, _NUMBERS).double()
            moments += rows.T @ rows
            count += len(rows)
        variances, vectors = torch.linalg.eigh(moments / count)  # rising
        variances, vectors = variances.flip(0), vectors.flip(1)
        kept = self.config.channels
        std = variances[:kept].sqrt()
        self.whiten.copy_(vectors[:, :kept].T / std[:, None])
        self.colour.copy_(vectors[:, :kept] * std)
        return cast("Tensor", variances)

    def _rest(self, hr: Tensor, lr_up: Tensor) -> Tensor:
        b, log_error = self(lr_up)
        return cast("Tensor", F.pixel_unshuffle(hr - b, CELL) * (-log_error).exp())
