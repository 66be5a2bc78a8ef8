"""SUPIR's networks: SDXL's U-Net with its adapters, and the control branch that feeds them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, ControlNetModel, UNet2DConditionModel
from torch import Tensor, nn

from baselines import ldm
from baselines.checkpoints import load_strictly, read_tensors
from baselines.sd_control.controlled import build_and_load
from baselines.supir import weights
from baselines.supir.adapters import Control, adapt
from benchmarks.api.errors import WeightsCorruptError
from benchmarks.api.text import show

_UNET, _CONTROL = "model.diffusion_model.", "model.control_model."
_ENCODER = "first_stage_model.denoise_encoder."
_PROJECT = "project_modules."


class SUPIRNetwork:
    """Control branch and U-Net."""

    def __init__(self, unet: Any, branch: Any, control: Control) -> None:
        self.unet, self.branch = unet, branch
        self._control = control

    def eps(
        self, x: Tensor, timestep: int, text: tuple[Tensor, Tensor], z_lr: Tensor, weight: float
    ) -> Tensor:
        """Return eps of scaled latents (B, 4, h, w).

        Args:
            x: x_t / sqrt(sigma^2 + 1).
            timestep: index of sigma in the table of all 1000.
            text: context (B, 77, 2048), and the vector (B, 2816) of pooled text and sizes.
            z_lr: latents of the LR images (B, 4, h, w).
            weight: of the control features.
        """
        context, vector = (part.to(x.dtype) for part in text)
        down, middle = self.branch(
            x,
            timestep,
            encoder_hidden_states=context,
            controlnet_cond=z_lr.to(x.dtype),
            class_labels=vector,
            return_dict=False,
        )
        self._control.features, self._control.weight = (*down, middle), weight
        eps: Tensor = self.unet(
            x, timestep, encoder_hidden_states=context, class_labels=vector
        ).sample
        return eps


def build_unet(shape: Mapping[str, Any], control: Control) -> Any:
    """Return a stock SDXL U-Net with SUPIR's adapters."""
    unet = UNet2DConditionModel(**shape)
    adapt(unet, control)
    return unet


def build_branch(shape: Mapping[str, Any]) -> Any:
    """Return a stock SDXL ControlNet whose hint is a latent and whose outputs are raw features."""
    branch = ControlNetModel(**shape)
    channels = branch.config.block_out_channels[0]
    branch.controlnet_cond_embedding = nn.Conv2d(4, channels, 3, 1, 1)
    raw = (nn.Identity() for _ in branch.controlnet_down_blocks)
    branch.controlnet_down_blocks = nn.ModuleList(raw)
    branch.controlnet_mid_block = nn.Identity()
    return branch


def names(network: Any) -> Callable[[str], str]:
    """Return what gives the official name of a tensor of the U-Net or of the control branch."""
    stock = ldm.unet_names(network)

    def official(name: str) -> str:
        if name.startswith(_PROJECT):
            return name
        return (
            name.replace("controlnet_cond_embedding.", "input_hint_block.0.")
            if name.startswith("controlnet_cond_embedding.")
            else stock(name)
        )

    return official


def load_networks(
    base: Mapping[str, Tensor], base_path: Path, path: Path, dtype: torch.dtype
) -> tuple[SUPIRNetwork, dict[str, Tensor]]:
    """Build the networks of SDXL's U-Net and a SUPIR release.

    Args:
        base: tensors of SDXL's single file.
        base_path: that file, for messages.
        path: official `SUPIR-v0Q.ckpt` or `SUPIR-v0F.ckpt`.
        dtype: to hold them in.

    Returns:
        The networks, and the tensors of the encoder that the release brings for the VAE.

    Raises:
        WeightsCorruptError: a file is not this; the message names the first key that differs.
    """
    release = read_tensors(path, wrapper="state_dict")
    for name in release:
        if not name.startswith((_UNET + _PROJECT, _CONTROL, _ENCODER)):
            raise WeightsCorruptError(
                f"{show(path)}: key '{name}' is not part of what SUPIR adds to SDXL.",
                "The file is another version or another method's: get the one that the card names.",
            )
    control = Control()
    build = partial(build_unet, weights.UNET, control)
    with torch.device("meta"):
        unet_names, branch_names = names(build()), names(build_branch(weights.CONTROL))
    whole = ldm.part_of(base, _UNET) | ldm.part_of(release, _UNET)
    unet = build_and_load(build, base_path, whole, dtype, official=unet_names)
    branch = build_and_load(
        partial(build_branch, weights.CONTROL),
        path,
        ldm.part_of(release, _CONTROL),
        dtype,
        official=branch_names,
    )
    return SUPIRNetwork(unet, branch, control), ldm.part_of(release, _ENCODER)


def load_vaes(
    base: Mapping[str, Tensor],
    base_path: Path,
    encoder: Mapping[str, Tensor],
    path: Path,
    dtype: torch.dtype,
) -> tuple[Any, Any]:
    """Return SDXL's VAE, and the encoder for degraded images that shares its last layer.

    Raises:
        WeightsCorruptError: the tensors are others; the first one is named.
    """
    with torch.device("meta"):
        vae, robust = AutoencoderKL(**weights.VAE), AutoencoderKL(**weights.VAE).encoder
    official = ldm.vae_names(vae)
    for network in (vae, robust):
        nn.Module.to(network, dtype)
    own = ldm.vae_tensors(ldm.part_of(base, "first_stage_model."))
    load_strictly(vae, own, base_path, official=official)
    load_strictly(
        robust,
        {f"encoder.{name}": tensor for name, tensor in ldm.vae_tensors(encoder).items()},
        path,
        official=lambda name: official(f"encoder.{name}"),
    )
    return vae, robust
