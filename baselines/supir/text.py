"""SDXL's text conditioning: two encoders' penultimate states; pooled text and sizes in a vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers.models.embeddings import get_timestep_embedding
from torch import Tensor

from baselines import ldm
from baselines.checkpoints import load_strictly
from baselines.sd21.components import load_tokenizer
from baselines.sd_control.controlled import load_text
from baselines.supir import weights

_L, _G = "conditioner.embedders.0.transformer.text_model.", "conditioner.embedders.1.model."
_SIZES = (1024, 1024, 0, 0, 1024, 1024)  # original, crop and target, whatever the image's are
_SIZE_WIDTH = 256  # of each of their embeddings


@dataclass(slots=True, kw_only=True)
class TextEncoders:
    """CLIP-L and CLIP-bigG with their tokenizers."""

    clip_l: Any
    clip_g: Any
    tokenizers: tuple[Any, Any]

    def embed(self, prompts: Sequence[str], device: str) -> tuple[Tensor, Tensor]:
        """Return context (B, 77, 2048) and vector (B, 2816) of prompts, cut to 77 tokens."""
        states, pooled = [], torch.empty(0)
        for encoder, tokenizer in zip((self.clip_l, self.clip_g), self.tokenizers, strict=True):
            tokens = tokenizer(
                list(prompts),
                padding="max_length",
                max_length=tokenizer.model_max_length,
                truncation=True,
                return_tensors="pt",
            ).input_ids.to(device)
            found = encoder(tokens, output_hidden_states=True)
            states.append(found.hidden_states[-2])
            pooled = found[0]  # of the second encoder: the projected state at the text's end
        sizes = torch.tensor(_SIZES, device=device, dtype=torch.float32)
        embedded = get_timestep_embedding(
            sizes, _SIZE_WIDTH, flip_sin_to_cos=True, downscale_freq_shift=0
        ).flatten()
        vector = torch.cat([pooled.float(), embedded.expand(len(prompts), -1)], dim=1)
        return torch.cat(states, dim=-1), vector


def load_encoders(
    base: Mapping[str, Tensor], path: Path, folder: Path, dtype: torch.dtype
) -> TextEncoders:
    """Read both encoders of SDXL's single file, and the tokenizers of its folder.

    Raises:
        WeightsCorruptError: the tensors are others; the first one is named.
    """
    return TextEncoders(
        clip_l=_clip_l(ldm.part_of(base, _L), path, dtype),
        clip_g=load_text(weights.CLIP_G, path, ldm.part_of(base, _G), dtype, projected=True),
        tokenizers=(load_tokenizer(folder / "tokenizer"), load_tokenizer(folder / "tokenizer_2")),
    )


def _clip_l(tensors: Mapping[str, Tensor], path: Path, dtype: torch.dtype) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel

    encoder = CLIPTextModel(CLIPTextConfig(**weights.CLIP_L)).to(dtype)
    load_strictly(
        encoder,
        tensors,
        path,
        constants=("embeddings.position_ids",),
        official=lambda name: name.removeprefix("text_model."),
    )
    return encoder
