"""The latent of the small models, without parameters: pixels as normalised frequencies.

It is of what has to be added to the enlarged LR image, so that an untrained network already returns
that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from baselines.dit4sr.autoencoder import Autoencoder

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Spectrum:
    """Standard deviations of the frequencies of a cell: std (1 + f^2 / knee)^-power.

    f^2 = u^2 + v^2, with u and v the indices of an 8 x 8 cosine transform.
    """

    std: float
    knee: float
    power: float

    def at(self, factor: int) -> Tensor:
        """Return the standard deviations of a cell of `factor` x `factor` pixels."""
        index = torch.arange(factor) * 8 / factor
        square = index[:, None] ** 2 + index[None] ** 2
        return self.std * (1 + square / self.knee) ** -self.power * factor / 8


# Fitted to 286 pairs of BSDS500, Urban100 and Sun-Hays 80 under Real-ESRGAN's x4 degradation,
# images in [0, 1], per colour: hr - lr_up (to 13 %), and lr_up - 1/2 (to a factor of 1.7).
_RESIDUAL = (
    Spectrum(std=0.62, knee=8.0, power=1.0),
    Spectrum(std=0.36, knee=0.5, power=0.75),
    Spectrum(std=0.22, knee=0.25, power=0.65),
)
_LR = (
    Spectrum(std=2.9, knee=0.5, power=1.6),
    Spectrum(std=0.55, knee=0.1, power=1.0),
    Spectrum(std=0.28, knee=0.1, power=0.9),
)


class PixelAutoencoder(Autoencoder):
    """Pixel unshuffle, rotated to frequencies and normalised: no parameters, exact both ways.

    A cell of 8 x 8 pixels becomes 192 channels: grey, red - blue and green - rest, each by an
    orthonormal cosine transform, each frequency divided by its usual standard deviation. x is of
    hr - lr_up, z_LR of lr_up. Noise is then as strong for fine as for coarse detail.
    """

    def __init__(self, factor: int = 8) -> None:
        self.factor, self.channels = factor, 3 * factor**2
        self._basis = _basis(factor)  # (channels, channels), orthonormal rows
        self._residual = torch.cat([s.at(factor).flatten() for s in _RESIDUAL])
        self._lr = torch.cat([s.at(factor).flatten() for s in _LR])

    def encode_lr(self, lr_up: Tensor, generators: Sequence[Generator] = ()) -> Tensor:
        """Return z_LR; nothing is random."""
        return self._forward(lr_up - 0.5, self._lr)

    def encode_hr(self, hr: Tensor, lr_up: Tensor, generators: Sequence[Generator] = ()) -> Tensor:
        """Return x, the frequencies of the difference to `lr_up`; nothing is random."""
        return self._forward(hr - lr_up, self._residual)

    def decode(self, z: Tensor, lr_up: Tensor) -> Tensor:
        """Return lr_up plus the difference that `z` holds."""
        scaled = z * self._residual.to(z)[:, None, None]
        cells = torch.einsum("kc,bkhw->bchw", self._basis.to(z), scaled)
        return lr_up + F.pixel_shuffle(cells, self.factor)

    def _forward(self, image: Tensor, stds: Tensor) -> Tensor:
        cells = F.pixel_unshuffle(image, self.factor)
        frequencies = torch.einsum("kc,bchw->bkhw", self._basis.to(image), cells)
        return frequencies / stds.to(image)[:, None, None]


def _basis(factor: int) -> Tensor:
    """Return the orthonormal transform of a cell's pixels: colours, rows, columns."""
    k = torch.arange(factor, dtype=torch.float64)
    cosine = torch.cos(math.pi * (2 * k + 1) * k[:, None] / (2 * factor)) * math.sqrt(2 / factor)
    cosine[0] /= math.sqrt(2)
    colours = torch.tensor([[1, 1, 1], [1, 0, -1], [1, -2, 1]], dtype=torch.float64)
    colours = colours / colours.norm(dim=1, keepdim=True)
    return torch.kron(colours, torch.kron(cosine, cosine)).float()
