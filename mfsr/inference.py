"""LR images -> latents of SR images, by a model in memory: what this package's restorers share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from baselines.dit4sr.field import Condition
from baselines.dit4sr.inference import cropped, restore_latent
from benchmarks.api.tiling import Tile, Tiling, predict_tiled
from mfsr.field import FieldAverageVelocity, FieldVelocity
from mfsr.sampler import sample_average

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Generator, Tensor

    from mfsr.bundle import Model
    from mfsr.flow import AverageVelocity


def condition(
    model: Model, lr_up: Tensor, prompts: Sequence[str], generators: Sequence[Generator]
) -> Condition:
    """Return z_LR and text of a batch. z_LR is drawn first from each image's stream."""
    device = model.field.network.device
    z_lr = model.autoencoder.encode_lr(lr_up.to(device), generators)
    text, pooled = model.text.embed(prompts)
    return Condition(z_lr, text.to(device), pooled.to(device))


def run_student(model: Model, eps: Tensor, c: Condition, tiling: Tiling, *, steps: int) -> Tensor:
    """Return the latent that N average-velocity steps lead to; one evaluation per step."""
    u = _tiled_average(FieldAverageVelocity(model.field), tiling)
    return sample_average(u, eps, c, steps=steps)


def run_teacher(
    model: Model, eps: Tensor, c: Condition, tiling: Tiling, *, steps: int, guidance: float
) -> Tensor:
    """Return the latent that Euler steps lead to; two evaluations per step under guidance."""
    other = None
    if guidance != 1:
        text, pooled = model.text.embed([model.config.negative])
        other = c.with_text(text.to(eps.device), pooled.to(eps.device))
    return restore_latent(
        FieldVelocity(model.field),
        eps,
        c,
        tiling,
        steps=steps,
        shift=model.config.shift,
        guidance=guidance,
        other=other,
    )


def _tiled_average(u: AverageVelocity, tiling: Tiling) -> AverageVelocity:
    def tiled(z: Tensor, sigma: Tensor, r: Tensor, c: Condition, /) -> Tensor:
        def at(tile: Tile) -> Tensor:
            return u(tile.crop(z), sigma, r, cropped(c, tile))

        return predict_tiled(at, (z.shape[-2], z.shape[-1]), tiling)

    return tiled
