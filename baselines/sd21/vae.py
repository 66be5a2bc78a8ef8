"""The VAE at work: a posterior sample from given noise, and tiles for large images.

Upstream cuts images of more than 1088 pixels and latents of more than 246 into tiles that share
group-norm statistics. Here diffusers' own tiling does it, above the same sizes: each tile is
normalised by itself and neighbours are blended over a quarter of a tile. UPSTREAM.md of the rooms
states the measured difference of both to the untiled VAE.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from diffusers import AutoencoderKL
    from torch import Tensor

_FACTOR = 8  # image pixels per latent pixel
_OVERLAP = 0.25  # of a tile, diffusers' default
_ENCODE_TILE, _ENCODE_UNTILED = 1024, 1088  # image pixels
_DECODE_TILE, _DECODE_UNTILED = 224, 246  # latent pixels


def encode(vae: AutoencoderKL, image: Tensor, noise: Tensor) -> Tensor:
    """Return scaled latents (B, 4, H/8, W/8), sampled from the posterior with `noise`.

    Args:
        vae: the VAE.
        image: (B, 3, H, W) in [-1, 1], of the dtype of the VAE.
        noise: N(0, 1) of the latents' shape, from each image's own stream.
    """
    with _tiles(vae, _ENCODE_TILE // _FACTOR, _ENCODE_UNTILED, image.shape[-2:], _FACTOR):
        posterior = vae.encode(image).latent_dist
    z = posterior.mean + posterior.std * noise.to(posterior.mean)
    scaled: Tensor = z * vae.config.scaling_factor
    return scaled


def decode(vae: AutoencoderKL, z: Tensor) -> Tensor:
    """Return the image (B, 3, 8h, 8w), clamped to [-1, 1], of scaled latents."""
    with _tiles(vae, _DECODE_TILE, _DECODE_UNTILED, z.shape[-2:], 1):
        image: Tensor = vae.decode(z.to(vae.dtype) / vae.config.scaling_factor).sample
    return image.clamp(-1, 1)


@contextlib.contextmanager
def _tiles(
    vae: AutoencoderKL, tile: int, untiled: int, size: torch.Size, factor: int
) -> Iterator[None]:
    """Let diffusers tile while in the block, if a side of `size` is longer than `untiled`."""
    if max(size) <= untiled:
        yield
        return
    side = even_tile(tile, (-(-size[0] // factor), -(-size[1] // factor)))
    vae.enable_tiling()
    vae.tile_latent_min_size, vae.tile_sample_min_size = side, side * _FACTOR
    vae.tile_overlap_factor = _OVERLAP
    try:
        yield
    finally:
        vae.disable_tiling()


def even_tile(largest: int, size: tuple[int, int]) -> int:
    """Return the tile side, half of `largest` to `largest`, whose last tiles are the least narrow.

    diffusers starts a tile every three quarters of a side and cuts the last one off at the border;
    a tile of a few pixels has no statistics to be normalised by.

    Args:
        largest: longest side of a tile, in latent pixels.
        size: (height, width) of the latent.
    """

    def narrowest(side: int) -> float:
        step = int(side * (1 - _OVERLAP))
        last = [length - range(0, length, step)[-1] for length in size]
        return min(min(remainder / side, 1.0) for remainder in last)

    sides = range(largest, largest // 2 - 1, -4)
    return max(sides, key=narrowest)
