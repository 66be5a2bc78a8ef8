"""StableSR's official files: one of U-Net, structure encoder and text tower, one of the VAE."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from baselines import ldm
from baselines.checkpoints import read_tensors
from baselines.sd_control.controlled import build_and_load, load_text
from baselines.stablesr import fused, modulated, weights
from baselines.stablesr.modulated import Structure
from baselines.stablesr.structure import StructureEncoder
from benchmarks.api.errors import WeightsCorruptError
from benchmarks.api.text import show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from baselines.stablesr.fused import Wrapping

_UNET, _STRUCTURE = "model.diffusion_model.", "structcond_stage_model."
_TEXT = "cond_stage_model.model."
# Another VAE, averaged weights, and the noise schedule: not used, as by the official program.
_UNUSED = ("first_stage_model.", "model_ema.")
_TOKENS = 77


class StableSRNetwork:
    """The U-Net, the structure encoder that modulates it, and the embedding of no text."""

    def __init__(
        self, unet: Any, encoder: StructureEncoder, structure: Structure, text: Tensor
    ) -> None:
        self.unet, self.encoder, self.text = unet, encoder, text
        self._structure = structure

    def eps(self, z: Tensor, timestep: int, z_lr: Tensor) -> Tensor:
        """Return eps of latents (B, 4, h, w), modulated by those of the LR images."""
        self._structure.show(self.encoder(z_lr.to(z.dtype), timestep))
        text = self.text.to(z).expand(len(z), -1, -1)
        eps: Tensor = self.unet(z, timestep, encoder_hidden_states=text).sample
        return eps


def structure_name(name: str) -> str:
    """Return the official name of one of the structure encoder's tensors."""
    return ldm.of_resnet(name)


def load_network(path: Path, dtype: torch.dtype) -> StableSRNetwork:
    """Read `stablesr_000117.ckpt`, to the CPU.

    Raises:
        WeightsCorruptError: it is not this; the message names the first key that differs.
    """
    tensors = read_tensors(path, wrapper="state_dict")
    _refuse_unknown(tensors, path)
    structure = Structure()
    build = partial(modulated.build, weights.UNET, weights.structure().features, structure)
    with torch.device("meta"):
        names = modulated.names(build())
    unet = build_and_load(build, path, ldm.part_of(tensors, _UNET), dtype, official=names)
    encoder = build_and_load(
        partial(StructureEncoder, weights.structure()),
        path,
        ldm.part_of(tensors, _STRUCTURE),
        dtype,
        official=structure_name,
    )
    return StableSRNetwork(unet, encoder, structure, _no_text(tensors, path))


def _refuse_unknown(tensors: Mapping[str, Tensor], path: Path) -> None:
    known = (_UNET, _STRUCTURE, _TEXT, *_UNUSED)
    for name in tensors:
        if "." in name and not name.startswith(known):
            raise WeightsCorruptError(
                f"{show(path)}: key '{name}' is not part of StableSR.",
                "The file is another version or another method's: get the one that the card names.",
            )


def _no_text(tensors: Mapping[str, Tensor], path: Path) -> Tensor:
    """Return the embedding (1, 77, C) of an empty text, the only one that there is."""
    tower = ldm.part_of(tensors, _TEXT)
    text = load_text(weights.TEXT, path, tower, torch.float32)
    words = text.config.vocab_size
    # What OpenCLIP makes of it: begin and end, the last two of its words, and padding with 0.
    tokens = torch.zeros(1, _TOKENS, dtype=torch.long)
    tokens[0, 0], tokens[0, 1] = words - 2, words - 1
    with torch.inference_mode():
        embedding: Tensor = text(tokens).last_hidden_state
    return embedding


def load_vae(path: Path, wrapping: Wrapping, dtype: torch.dtype) -> Any:
    """Read `vqgan_cfw_00011.ckpt`, to the CPU.

    Raises:
        WeightsCorruptError: it is not this; the message names the first key that differs.
    """
    found = ldm.vae_tensors(read_tensors(path, wrapper="state_dict"))
    tensors = {name: tensor for name, tensor in found.items() if not name.startswith("loss.")}
    build = partial(fused.build, weights.VAE, wrapping)
    with torch.device("meta"):
        names = fused.names(build())
    return build_and_load(build, path, tensors, dtype, official=names)
