"""HYPIR's networks: the base model with its updates, and the tiles that every part works in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from baselines import lora
from baselines.checkpoints import read_tensors, require_same
from baselines.sd21.one_step import alpha_bar
from benchmarks.api.images import show

if TYPE_CHECKING:
    from diffusers import AutoencoderKL
    from torch import nn

    from baselines.streams import Draw
    from benchmarks.api.tiling import Tile, Tiling

RANK = 256  # and alpha, so that updates are not scaled
TIMESTEP = 200  # that the network is told, and that x0 is computed at
FACTOR = 8  # image pixels per latent pixel
# Endings of the names of the layers that are updated; the file does not hold them.
LAYERS = (
    *("to_k", "to_q", "to_v", "to_out.0", "conv", "conv1", "conv2", "conv_shortcut", "conv_out"),
    *("proj_in", "proj_out", "ff.net.2", "ff.net.0.proj"),
)
_ADAPTER = "default"


def apply_checkpoint(unet: nn.Module, path: Path) -> None:
    """Fold `HYPIR_sd2.pth` into the U-Net, in float32.

    Raises:
        WeightsCorruptError: the file is not one for this U-Net; the first key that differs is
            named.
    """
    state = read_tensors(path, wrapper="state_dict")
    layers = lora.matching(unet, LAYERS)
    require_same(state, lora.expected_shapes(unet, layers, _ADAPTER, RANK), show(path))
    lora.fold(unet, lora.updates(state, layers, _ADAPTER), 1.0)


def encode(vae: AutoencoderKL, x: Tensor, draw: Draw, tiling: Tiling, dtype: torch.dtype) -> Tensor:
    """Return latents (B, 4, h, w), not scaled, of images (B, 3, 8h, 8w) in [-1, 1].

    Args:
        vae: the VAE.
        x: the images, of the VAE's dtype.
        draw: N(0, 1) noise of a tile's latents: each tile has a posterior sample of its own.
        tiling: in latent pixels.
        dtype: of the sums.
    """

    def of_tile(tile: Tile) -> Tensor:
        posterior = vae.encode(tile.crop(x, scale=FACTOR)).latent_dist
        sampled: Tensor = posterior.mean + posterior.std * draw().to(posterior.mean)
        return sampled

    return _joined(of_tile, (x.shape[-2] // FACTOR, x.shape[-1] // FACTOR), tiling, dtype)


def restore(
    predict_eps: Callable[[Tensor], Tensor],
    z: Tensor,
    scaling: float,
    tiling: Tiling,
    dtype: torch.dtype,
) -> Tensor:
    """Return restored latents (B, 4, h, w), not scaled.

    x0 = (z - sqrt(1 - abar) eps) / sqrt(abar) at t = 200, tile by tile.

    Args:
        predict_eps: gives eps of a tile's scaled latents.
        z: latents, not scaled.
        scaling: the VAE's factor of latents.
        tiling: in latent pixels.
        dtype: of x0 and of the sums.
    """
    abar = torch.tensor(alpha_bar(TIMESTEP))
    signal, noise = abar.sqrt().item(), (1 - abar).sqrt().item()

    def of_tile(tile: Tile) -> Tensor:
        scaled = tile.crop(z) * scaling
        eps = predict_eps(scaled).to(dtype)
        return (scaled.to(dtype) - noise * eps) / signal / scaling

    return _joined(of_tile, (z.shape[-2], z.shape[-1]), tiling, dtype)


def decode(vae: AutoencoderKL, z: Tensor, tiling: Tiling, dtype: torch.dtype) -> Tensor:
    """Return images (B, 3, 8h, 8w), about [-1, 1], of latents that are not scaled.

    Args:
        vae: the VAE.
        z: the latents, of the VAE's dtype.
        tiling: in image pixels.
        dtype: of the sums.
    """

    def of_tile(tile: Tile) -> Tensor:
        top, left = tile.y // FACTOR, tile.x // FACTOR
        height, width = tile.height // FACTOR, tile.width // FACTOR
        image: Tensor = vae.decode(z[..., top : top + height, left : left + width]).sample
        return image.to(torch.promote_types(image.dtype, torch.float32))

    return _joined(of_tile, (FACTOR * z.shape[-2], FACTOR * z.shape[-1]), tiling, dtype)


def _joined(
    predict: Callable[[Tile], Tensor], size: tuple[int, int], tiling: Tiling, dtype: torch.dtype
) -> Tensor:
    """Return predictions averaged over tiles, row by row, as upstream sums them.

    Weights and sums of predictions are of `dtype`, sums of weights in float32: one tile alone is
    weighted and divided too, which bfloat16 does not undo.
    """
    tiles = sorted(tiling.grid(*size), key=lambda tile: (tile.y, tile.x))
    total = mass = weights = torch.empty(0)
    for index, tile in enumerate(tiles):
        prediction = predict(tile)
        if index == 0:
            weights = tiling.weights(tile.height).to(prediction.device, dtype)
            total = prediction.new_zeros((*prediction.shape[:-2], *size), dtype=dtype)
            mass = total.new_zeros(size, dtype=torch.float32)
        tile.crop(total).add_(prediction * weights)
        tile.crop(mass).add_(weights)
    return total / mass
