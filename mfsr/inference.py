"""LR images -> SR images, by a model in memory: what the restorers of this package share."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import Generator, Tensor

from benchmarks.api.images import to_tensor, to_uint8
from benchmarks.api.tiling import Tile, Tiling, predict_tiled
from mfsr.field import FieldAverageVelocity, FieldVelocity
from mfsr.flow import AverageVelocity, Condition, Velocity
from mfsr.sampler import guided, sample_average, sample_euler, shifted_sigmas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mfsr.bundle import Model


def enlarged(lr: Tensor, scale: int) -> Tensor:
    """Return LR images (B, 3, h, w) in [0, 1] at `scale` times their size: Pillow, 8 bits."""
    size = (scale * lr.shape[-1], scale * lr.shape[-2])
    return torch.stack(
        [
            to_tensor(
                np.asarray(Image.fromarray(to_uint8(x)).resize(size, Image.Resampling.BICUBIC))
            )
            for x in lr
        ]
    )


def condition(
    model: Model, lr_up: Tensor, prompts: Sequence[str], generators: Sequence[Generator]
) -> Condition:
    """Return z_LR and text of a batch. z_LR is drawn first from each image's stream."""
    device = model.field.network.device
    z_lr = model.autoencoder.encode_lr(lr_up.to(device), generators)
    text, pooled = model.text.embed(prompts)
    return Condition(z_lr, text.to(device), pooled.to(device))


def noise(z_lr: Tensor, generators: Sequence[Generator]) -> Tensor:
    """Return the starting noise of a batch, drawn per image, on the CPU."""
    drawn = [torch.randn(z_lr.shape[1:], generator=g) for g in generators]
    return torch.stack(drawn).to(z_lr.device)


def run_student(model: Model, eps: Tensor, c: Condition, tiling: Tiling, *, steps: int) -> Tensor:
    """Return the latent that N average-velocity steps lead to; one evaluation per step."""
    return sample_average(_tiled_average(model, tiling), eps, c, steps=steps)


def run_teacher(
    model: Model,
    eps: Tensor,
    c: Condition,
    tiling: Tiling,
    *,
    steps: int,
    negative: str,
    guidance: float,
    other_lr: Tensor | None = None,
) -> Tensor:
    """Return the latent that Euler steps lead to; two evaluations per step under guidance.

    Args:
        model: the teacher.
        eps: where the steps start.
        c: the condition.
        tiling: the method's tiles.
        steps: how many.
        negative: prompt of the guidance.
        guidance: its scale; 1 is without.
        other_lr: z_LR under the negative prompt, where it is another sample than `c` has.
    """
    velocity = _tiled_velocity(model, tiling)
    if guidance != 1:
        text, pooled = model.text.embed([negative])
        other = c if other_lr is None else replace(c, z_lr=other_lr)
        other = other.with_text(text.to(eps.device), pooled.to(eps.device))
        velocity = guided(velocity, other, scale=guidance)
    return sample_euler(velocity, eps, c, shifted_sigmas(steps, model.config.shift))


def _tiled_velocity(model: Model, tiling: Tiling) -> Velocity:
    v = FieldVelocity(model.field)

    def tiled(z: Tensor, sigma: Tensor, c: Condition, /) -> Tensor:
        def at(tile: Tile) -> Tensor:
            return v(tile.crop(z), sigma, _cropped(c, tile))

        return predict_tiled(at, (z.shape[-2], z.shape[-1]), tiling)

    return tiled


def _tiled_average(model: Model, tiling: Tiling) -> AverageVelocity:
    u = FieldAverageVelocity(model.field)

    def tiled(z: Tensor, sigma: Tensor, r: Tensor, c: Condition, /) -> Tensor:
        def at(tile: Tile) -> Tensor:
            return u(tile.crop(z), sigma, r, _cropped(c, tile))

        return predict_tiled(at, (z.shape[-2], z.shape[-1]), tiling)

    return tiled


def _cropped(c: Condition, tile: Tile) -> Condition:
    return Condition(tile.crop(c.z_lr), c.text, c.pooled)
