"""The base of the small models: a restoration without randomness, and how far off it expects to be.

The flow has to make only what the base b cannot know. x, its latent, is the rest in luminance, the
mean of the channels, as the frequencies D of cells of 4 x 4 pixels (DCT-II, orthonormal), each over
its expected error s, so that its variance is 1 wherever s is right:

    x = D unshuffle(mean_rgb(hr - b)) / s,    sr = b + shuffle(D^T (s x)).

Of the 16 frequencies (i, j) x has those with 1 <= i + j <= 4, as many as `channels`: a cell's mean
brightness and its colours are the base's.
"""

from __future__ import annotations

import math
from typing import Annotated, cast

import torch
import torch.nn.functional as F
from pydantic import Field
from pydantic.dataclasses import dataclass as document
from torch import Tensor, nn

from benchmarks.api.documents import STRICT
from mfsr.tiny.network import Trunk

CELL = 4  # pixels each way
_NUMBERS = 3 * CELL * CELL  # of a cell


@document(frozen=True, slots=True, kw_only=True, config=STRICT)
class BaseConfig:
    """The size of a base and of its latent."""

    width: int = 48
    blocks: tuple[int, int, int] = (2, 3, 2)  # as `UNetConfig`
    channels: Annotated[int, Field(ge=1, le=15)] = 12  # of x

    @property
    def condition(self) -> int:
        """Channels of z_LR: the base's features, and the cells of the enlarged LR image."""
        return self.width + _NUMBERS


class Base(nn.Module):
    """Enlarged LR images (B, 3, 4h, 4w) in [0, 1] -> b of that shape, and log s."""

    frequencies: Tensor  # D, (channels, 16)

    def __init__(self, config: BaseConfig) -> None:
        super().__init__()
        self.config = config
        self.trunk = Trunk(_NUMBERS, config.width, config.blocks)
        self.proj_out = nn.Conv2d(config.width, _NUMBERS, 3, padding=1)
        last = nn.Conv2d(32, config.channels, 1)
        self.error = nn.Sequential(nn.Conv2d(config.width, 32, 3, padding=1), nn.SiLU(), last)
        for layer in (self.proj_out, last):
            nn.init.zeros_(layer.weight)
        nn.init.zeros_(self._bias(self.proj_out))  # b starts at the enlarged LR image
        nn.init.constant_(self._bias(last), -3.0)  # s at a twentieth of the range
        self.register_buffer("frequencies", _frequencies(config.channels), persistent=False)

    @staticmethod
    def _bias(layer: nn.Conv2d) -> Tensor:
        assert layer.bias is not None
        return layer.bias

    def features(self, lr_up: Tensor) -> Tensor:
        """Return the trunk's features, (B, width, h, w), which the other methods start from."""
        features: Tensor = self.trunk(F.pixel_unshuffle(lr_up, CELL) - 0.5)
        return features

    def forward(self, lr_up: Tensor, features: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return b, not clamped, and log s, (B, channels, h, w).

        The gradient of log s stays in its own layers.
        """
        features = self.features(lr_up) if features is None else features
        b = lr_up + F.pixel_shuffle(self.proj_out(features), CELL)
        return b, self.error(features.detach())

    def condition(self, lr_up: Tensor, features: Tensor) -> Tensor:
        """Return z_LR, (B, condition, h, w)."""
        cells = F.pixel_unshuffle(lr_up, CELL) - 0.5
        return torch.cat([features, 4 * cells], dim=1)  # 4: to about unit variance

    def encode(self, hr: Tensor, lr_up: Tensor, features: Tensor) -> Tensor:
        """Return x, (B, channels, h, w)."""
        b, log_error = self(lr_up, features)
        return cast("Tensor", self.project(hr - b) * (-log_error).exp())

    def decode(self, x: Tensor, lr_up: Tensor, features: Tensor) -> Tensor:
        """Return sr, not clamped."""
        b, log_error = self(lr_up, features)
        cells = torch.einsum("kc,bkhw->bchw", self.frequencies, log_error.exp() * x)
        return cast("Tensor", b + F.pixel_shuffle(cells, CELL))

    def project(self, rest: Tensor) -> Tensor:
        """Return D unshuffle(mean_rgb(rest)), (B, channels, h, w)."""
        cells = F.pixel_unshuffle(rest.mean(1, keepdim=True), CELL)
        return torch.einsum("kc,bchw->bkhw", self.frequencies, cells)


def _frequencies(count: int) -> Tensor:
    """Return the first `count` rows of the DCT of 4 x 4 pixels after the mean, by i + j."""
    line = torch.tensor(
        [
            [math.cos(math.pi * (2 * x + 1) * k / (2 * CELL)) for x in range(CELL)]
            for k in range(CELL)
        ],
        dtype=torch.float64,
    )
    line = line / line.norm(dim=1, keepdim=True)
    order = sorted((i + j, i, j) for i in range(CELL) for j in range(CELL))[1 : count + 1]
    return torch.stack([torch.outer(line[i], line[j]).flatten() for _, i, j in order]).float()
