"""The VAE at work: a posterior sample from given noise, and tiles for large images.

OSEDiff and S3Diff cut images of more than 1088 pixels and latents of more than 246 into tiles that
share group-norm statistics: an approximation of the untiled VAE for small devices. Here the VAE is
untiled at every size unless the user asks for tiles; then diffusers' own tiling works above the
same sizes. It normalises each tile by itself, and is a coarser approximation than theirs:
sd21/UPSTREAM.md has the measured differences.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diffusers import AutoencoderKL
    from torch import Tensor

_FACTOR = 8  # image pixels per latent pixel
_OVERLAP = 0.25  # of a tile, diffusers' default
_ENCODE_TILE, _ENCODE_UNTILED = 128, 136  # latent pixels, here and below
_DECODE_TILE, _DECODE_UNTILED = 224, 246


def encode(vae: AutoencoderKL, image: Tensor, noise: Tensor, *, tiled: bool = False) -> Tensor:
    """Return scaled latents (B, C, H/8, W/8), sampled from the posterior with `noise`.

    Args:
        vae: the VAE.
        image: (B, 3, H, W) in [-1, 1], of the dtype of the VAE.
        noise: N(0, 1) of the latents' shape, from each image's own stream.
        tiled: cut large images into tiles.
    """
    height, width = (-(-side // _FACTOR) for side in image.shape[-2:])
    with _tiles(vae, _ENCODE_TILE, _ENCODE_UNTILED, (height, width), tiled=tiled):
        posterior = vae.encode(image).latent_dist
    z = posterior.mean + posterior.std * noise.to(posterior.mean)
    scaled: Tensor = z * vae.config.scaling_factor
    return scaled


def decode(vae: AutoencoderKL, z: Tensor, *, tiled: bool = False, clamp: bool = True) -> Tensor:
    """Return the image (B, 3, 8h, 8w) of scaled latents, clamped to [-1, 1] unless told not to."""
    height, width = z.shape[-2:]
    with _tiles(vae, _DECODE_TILE, _DECODE_UNTILED, (height, width), tiled=tiled):
        image: Tensor = vae.decode(z.to(vae.dtype) / vae.config.scaling_factor).sample
    return image.clamp(-1, 1) if clamp else image


@contextlib.contextmanager
def _tiles(
    vae: AutoencoderKL, tile: int, untiled: int, size: tuple[int, int], *, tiled: bool
) -> Iterator[None]:
    """Let diffusers tile while in the block, if a side of `size` is longer than `untiled`."""
    if not tiled or max(size) <= untiled:
        yield
        return
    side = even_tile(tile, size)
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
