"""Image <-> latent: SD3's autoencoder, and the parameter-free latent of the small models.

Both take the LR image already enlarged to the output's size (`lr_up`). SD3's latent is of the image
itself; the pixel latent is of what has to be added to `lr_up`, so that an untrained network already
returns the enlarged LR image.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from benchmarks.api.errors import WeightsCorruptError
from benchmarks.api.images import first_line, show

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LatentKind = Literal["sd3", "pixel"]


class Autoencoder(ABC):
    """Images (B, 3, H, W) in [0, 1] <-> latents (B, C, H/factor, W/factor)."""

    factor: int  # pixels per latent pixel, each way
    channels: int

    @abstractmethod
    def encode_lr(self, lr_up: Tensor, generators: Sequence[Generator]) -> Tensor:
        """Return z_LR, the condition, of LR images enlarged to the output's size."""

    @abstractmethod
    def encode_hr(self, hr: Tensor, lr_up: Tensor, generators: Sequence[Generator]) -> Tensor:
        """Return x, the data end of the flow, of HR images."""

    @abstractmethod
    def decode(self, z: Tensor, lr_up: Tensor) -> Tensor:
        """Return images, not yet clamped, of latents at the data end."""


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


class SD3Autoencoder(Autoencoder):
    """Stable Diffusion 3's VAE: z = (sample of the posterior - shift) * scale.

    Source: DiT4SR's pipeline; scale and shift are the VAE configuration's own (1.5305, 0.0609).
    """

    factor = 8
    channels = 16

    def __init__(self, vae: Any) -> None:
        self.vae = vae.eval().requires_grad_(requires_grad=False)

    @classmethod
    def load(cls, folder: Path, *, device: str, dtype: torch.dtype) -> SD3Autoencoder:
        """Read the VAE of an SD3 pipeline folder (its sub-folder `vae`)."""
        from diffusers import AutoencoderKL

        try:
            read: Any = AutoencoderKL.from_pretrained
            vae = read(folder, subfolder="vae", dtype=dtype, local_files_only=True)
        except (OSError, ValueError, RuntimeError) as error:
            raise WeightsCorruptError(
                f"The VAE in {show(folder)} cannot be read: {first_line(error)}"
            ) from error
        return cls(vae.to(device))

    def encode_lr(self, lr_up: Tensor, generators: Sequence[Generator]) -> Tensor:
        """Return z_LR, a seeded sample of the posterior; once per image, for all its uses."""
        return self._encode(lr_up, generators)

    def encode_hr(self, hr: Tensor, lr_up: Tensor, generators: Sequence[Generator]) -> Tensor:
        """Return x, a seeded sample of the posterior of `hr`."""
        return self._encode(hr, generators)

    @torch.no_grad()
    def decode(self, z: Tensor, lr_up: Tensor) -> Tensor:
        """Return the images of latents."""
        config = self.vae.config
        z = z / config.scaling_factor + config.shift_factor
        images: Tensor = self.vae.decode(z.to(self.vae.dtype)).sample.float() / 2 + 0.5
        return images

    @torch.no_grad()
    def _encode(self, images: Tensor, generators: Sequence[Generator]) -> Tensor:
        config = self.vae.config
        pixels = (2 * images - 1).to(self.vae.device, self.vae.dtype)
        posterior = self.vae.encode(pixels).latent_dist
        # Drawn per image on the CPU, so that a latent depends on neither batch nor device.
        noise = torch.stack(
            [torch.randn(posterior.mean.shape[1:], generator=g) for g in generators]
        )
        sample = posterior.mean + posterior.std * noise.to(posterior.mean)
        z: Tensor = (sample.float() - config.shift_factor) * config.scaling_factor
        return z
