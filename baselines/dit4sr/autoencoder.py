"""Image <-> latent: what an autoencoder is to a velocity field, and Stable Diffusion 3's.

An autoencoder takes the LR image already enlarged to the output's size (`lr_up`). SD3's latent is
of the image itself; a latent may also be of what has to be added to `lr_up`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import torch
from torch import Generator, Tensor

from benchmarks.api.tensors import unreadable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


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
        except Exception as error:  # diffusers answers a damaged folder with many kinds
            raise unreadable(folder / "vae", error) from None
        return cls(vae.to(device))

    def encode_lr(self, lr_up: Tensor, generators: Sequence[Generator]) -> Tensor:
        """Return z_LR, a seeded sample of the posterior; once per image, for all its uses."""
        return self._encode(lr_up, generators)

    def encode_hr(self, hr: Tensor, lr_up: Tensor, generators: Sequence[Generator]) -> Tensor:
        """Return x, a seeded sample of the posterior of `hr`."""
        return self._encode(hr, generators)

    def decode(self, z: Tensor, lr_up: Tensor) -> Tensor:
        """Return the images of latents, with gradient for these."""
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
