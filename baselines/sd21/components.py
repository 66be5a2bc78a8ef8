"""U-Net, VAE, text encoder and tokenizer of a Stable Diffusion 2.1 folder, checked on loading."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer
from transformers.utils import logging as transformers_logging

from benchmarks.api.errors import WeightsCorruptError
from benchmarks.api.images import first_line, show

if TYPE_CHECKING:
    from baselines.sd21.weights import ParameterCounts

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Components:
    """The parts of a base model, in float32 on the CPU until they are moved."""

    unet: UNet2DConditionModel
    vae: AutoencoderKL
    text_encoder: CLIPTextModel
    tokenizer: CLIPTokenizer


def load_components(folder: Path, parameters: ParameterCounts) -> Components:
    """Load a diffusers folder in float32, ready for inference.

    Raises:
        WeightsCorruptError: a part cannot be read, lacks tensors, or has another size.
    """
    logger.info("Stable Diffusion from %s", folder)
    with _no_progress_bar():
        return Components(
            unet=_load(UNet2DConditionModel, folder / "unet", parameters.unet),
            vae=_load(AutoencoderKL, folder / "vae", parameters.vae),
            text_encoder=_load(CLIPTextModel, folder / "text_encoder", parameters.text_encoder),
            tokenizer=_tokenizer(folder / "tokenizer"),
        )


@contextlib.contextmanager
def _no_progress_bar() -> Iterator[None]:
    """Keep transformers' own bar out of the harness's progress."""
    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()


def _load(kind: Any, folder: Path, parameters: int) -> Any:
    try:
        model, info = kind.from_pretrained(
            folder, output_loading_info=True, local_files_only=True, **_FLOAT32[kind]
        )
    except Exception as error:  # the libraries answer a damaged folder with many kinds
        raise _corrupt(folder, f"cannot be read: {first_line(error)}") from None
    for what in ("missing_keys", "mismatched_keys"):
        if info[what]:
            first = min(map(str, info[what]))
            raise _corrupt(folder, f"has {what.replace('_', ' ')}, the first is '{first}'")
    count = sum(parameter.numel() for parameter in model.parameters())
    if count != parameters:
        raise _corrupt(folder, f"has {count:,} parameters where {parameters:,} were expected")
    return model.eval().requires_grad_(False)


# diffusers and transformers spell the same option differently.
_FLOAT32: dict[Any, dict[str, torch.dtype]] = {
    UNet2DConditionModel: {"torch_dtype": torch.float32},
    AutoencoderKL: {"torch_dtype": torch.float32},
    CLIPTextModel: {"dtype": torch.float32},
}


def _tokenizer(folder: Path) -> CLIPTokenizer:
    try:
        return CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # a damaged vocabulary raises a bare Exception
        raise _corrupt(folder, f"cannot be read: {first_line(error)}") from None


def _corrupt(folder: Path, problem: str) -> WeightsCorruptError:
    return WeightsCorruptError(
        f"{show(folder)} {problem}.",
        "Delete the folder and run: mfsr-bench weights fetch",
    )


def embed(components: Components, prompts: Sequence[str], device: str) -> Tensor:
    """Return the text embeddings (B, 77, 1024) of prompts, padded and cut to 77 tokens.

    The last hidden state with its final layer norm; padding is not masked, as in the base model.
    """
    tokens = components.tokenizer(
        list(prompts),
        padding="max_length",
        max_length=components.tokenizer.model_max_length,
        truncation=True,
        return_tensors="pt",
    )
    embedding: Tensor = components.text_encoder(tokens.input_ids.to(device)).last_hidden_state
    return embedding


def place(module: nn.Module, device: str, dtype: torch.dtype) -> None:
    """Move and cast a module, past diffusers' own `to`, which warns of every cast."""
    nn.Module.to(module, device, dtype)


@contextlib.contextmanager
def resident(module: nn.Module, device: str, *, offload: bool) -> Iterator[None]:
    """Keep a module on the device while it computes; with `offload`, only then."""
    if not offload:
        yield
        return
    module.to(device)
    try:
        yield
    finally:
        module.to("cpu")
