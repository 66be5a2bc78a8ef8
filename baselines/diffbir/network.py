"""Stage 2: Stable Diffusion 2.1 and a ControlNet that sees [x_t, z of the cleaned image]."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from diffusers import AutoencoderKL, ControlNetModel, UNet2DConditionModel
from torch import Tensor, nn

from baselines import ldm
from baselines.checkpoints import read_tensors
from baselines.diffbir import versions
from baselines.sd21.ancestral import TIMESTEPS
from baselines.sd21.components import Components, load_tokenizer
from baselines.sd21.one_step import alpha_bar
from baselines.sd21.weights import TEXT, VAE
from baselines.sd_control.controlled import build_and_load, control, load_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class _NoHint(nn.Module):
    """In the place of the hint's own small network: this ControlNet has none."""

    def forward(self, hint: Tensor) -> Tensor:
        return hint.new_zeros(())


def build_controlnet(shape: Mapping[str, Any]) -> Any:
    """Return a stock ControlNet for 8 channels and without a hint."""
    shape = {key: value for key, value in shape.items() if key != "sample_size"}
    network = ControlNetModel(in_channels=8, **shape)
    network.controlnet_cond_embedding = _NoHint()
    return network


def load_controlnet(path: Path, dtype: torch.dtype) -> Any:
    """Read an official ControlNet file.

    Raises:
        WeightsCorruptError: it is not this; the message names the first key that differs.
    """
    tensors = read_tensors(path, wrapper="state_dict")
    build = partial(build_controlnet, versions.UNET)
    return _named(build, path, tensors, dtype, ldm.unet_names)


def load_ldm_base(path: Path, tokenizer: Path, dtype: torch.dtype) -> Components:
    """Read a whole Stable Diffusion 2.1 from one file in the old layout.

    Raises:
        WeightsCorruptError: it is not this; the message names the first key that differs.
    """
    tensors = read_tensors(path, wrapper="state_dict")
    unet = ldm.part_of(tensors, "model.diffusion_model.")
    vae = ldm.vae_tensors(ldm.part_of(tensors, "first_stage_model."))
    text = ldm.part_of(tensors, "cond_stage_model.model.")
    return Components(
        unet=_named(
            partial(UNet2DConditionModel, **versions.UNET), path, unet, dtype, ldm.unet_names
        ),
        vae=_named(partial(AutoencoderKL, **VAE), path, vae, dtype, ldm.vae_names),
        text_encoder=load_text(TEXT, path, text, dtype),
        tokenizer=load_tokenizer(tokenizer / "tokenizer"),
    )


def _named(
    build: Callable[[], Any],
    path: Path,
    tensors: Mapping[str, Tensor],
    dtype: torch.dtype,
    names: Callable[[Any], Callable[[str], str]],
) -> Any:
    with torch.device("meta"):
        official = names(build())
    return build_and_load(build, path, tensors, dtype, official=official)


def output(
    unet: Any, controlnet: Any, z: Tensor, timestep: int, text: Tensor, z_cond: Tensor
) -> Tensor:
    """Return the U-Net's output for latents (B, 4, h, w), led by those of the cleaned images."""
    arguments = z, timestep, text.to(z.dtype), z_cond.to(z.dtype)
    return control(unet, controlnet, arguments, joined=True)


def x0_of_v(z: Tensor, v: Tensor, abar: float) -> Tensor:
    """Return x0 = sqrt(abar) z - sqrt(1 - abar) v, in float32."""
    x0: Tensor = abar**0.5 * z.float() - (1 - abar) ** 0.5 * v.float()
    return x0


@cache
def zero_snr_table() -> tuple[float, ...]:
    """Return abar of all timesteps, shifted and scaled so that the last one is 0.

    sqrt(abar) -> (sqrt(abar) - sqrt(abar_999)) sqrt(abar_0) / (sqrt(abar_0) - sqrt(abar_999))
    """
    roots = [alpha_bar(timestep) ** 0.5 for timestep in range(TIMESTEPS)]
    first, last = roots[0], roots[-1]
    return tuple(((root - last) * first / (first - last)) ** 2 for root in roots)
