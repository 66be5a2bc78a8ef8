"""U-Net, VAE, text encoder and tokenizer of a Stable Diffusion 2.1 folder, checked on loading."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from baselines.pretrained import load_part, no_progress_bar, place
from baselines.sd21.weights import UNET_FILE
from benchmarks.api.errors import WeightsCorruptError
from benchmarks.api.images import sha256_file
from benchmarks.api.tensors import unreadable
from benchmarks.api.text import show

if TYPE_CHECKING:
    from torch import Tensor

    from baselines.sd21.weights import ParameterCounts

logger = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Text:
    """What turns prompts into embeddings."""

    text_encoder: CLIPTextModel
    tokenizer: CLIPTokenizer


@dataclass(slots=True, kw_only=True)
class Surroundings(Text):
    """What stands around a U-Net: the same in all methods that bring their own."""

    vae: AutoencoderKL


@dataclass(slots=True, kw_only=True)
class Components(Surroundings):
    """The parts of a base model, in float32 on the CPU until they are moved."""

    unet: UNet2DConditionModel


def load_components(folder: Path, parameters: ParameterCounts) -> Components:
    """Load a diffusers folder in float32, ready for inference.

    Raises:
        WeightsCorruptError: a part cannot be read, lacks tensors, or has another size; or the
            U-Net is another model's of the same size.
    """
    _require_unet(folder / UNET_FILE, parameters.unet_sha256)
    around = load_surroundings(folder, parameters)
    with no_progress_bar():
        return Components(
            unet=load_part(UNet2DConditionModel, folder / "unet", parameters.unet),
            vae=around.vae,
            text_encoder=around.text_encoder,
            tokenizer=around.tokenizer,
        )


def _require_unet(path: Path, sha256: str) -> None:
    if sha256 and path.is_file() and sha256_file(path) != sha256:
        raise WeightsCorruptError(
            f"{show(path)} is another model's U-Net of the same size (SD 2-base for SD 2.1-base?).",
            "Get the base model that the card names; its sha256 is checked.",
        )


def load_surroundings(folder: Path, parameters: ParameterCounts) -> Surroundings:
    """Load a diffusers folder but for its U-Net.

    Raises:
        WeightsCorruptError: a part cannot be read, lacks tensors, or has another size.
    """
    logger.info("Stable Diffusion from %s", folder)
    with no_progress_bar():
        return Surroundings(
            vae=load_part(AutoencoderKL, folder / "vae", parameters.vae),
            text_encoder=load_part(CLIPTextModel, folder / "text_encoder", parameters.text_encoder),
            tokenizer=load_tokenizer(folder / "tokenizer"),
        )


def load_tokenizer(folder: Path) -> CLIPTokenizer:
    """Load a tokenizer.

    Raises:
        WeightsCorruptError: a file of it is damaged.
    """
    try:
        return CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # a damaged vocabulary raises a bare Exception
        raise unreadable(folder, error) from None


def embed(text: Text, prompts: Sequence[str], device: str) -> Tensor:
    """Return the text embeddings (B, 77, 1024) of prompts, padded and cut to 77 tokens.

    The last hidden state with its final layer norm; padding is not masked, as in the base model.
    """
    tokens = text.tokenizer(
        list(prompts),
        padding="max_length",
        max_length=text.tokenizer.model_max_length,
        truncation=True,
        return_tensors="pt",
    )
    embedding: Tensor = text.text_encoder(tokens.input_ids.to(device)).last_hidden_state
    return embedding


def embed_once(text: Text, prompts: Sequence[str], device: str, dtype: torch.dtype) -> Tensor:
    """Return the embeddings of prompts that never change; the text encoder's weights are let go."""
    place(text.text_encoder, device, dtype)
    with torch.inference_mode():
        embedding = embed(text, prompts, device)
    text.text_encoder.to("meta")
    return embedding
