"""Prompts -> text tokens and pooled text, by Stable Diffusion 3's three encoders.

They are 5.5 billion parameters for a few sentences. They are loaded once, for all prompts
that are not in the cache yet, and freed.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save as to_safetensors
from torch import Tensor

from benchmarks.api import paths
from benchmarks.api.errors import WeightsMissingError
from benchmarks.api.images import show, write_atomic
from benchmarks.api.tensors import read_safetensors, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

Text = tuple[Tensor, Tensor]  # tokens (B, T, width), pooled (B, pooled width)

_ENDS = 1 << 20  # bytes hashed at either end of a weight file


class TextEmbedder(ABC):
    """Turns prompts into what the network is conditioned on."""

    @abstractmethod
    def embed(self, prompts: Sequence[str]) -> Text:
        """Return tokens (B, T, width) and pooled text (B, pooled width) of each prompt."""

    def missing(self, prompts: Iterable[str]) -> list[str]:
        """Return the prompts for which `embed` would have to load encoders."""
        return []


class SD3TextEncoders(TextEmbedder):
    """CLIP-L, CLIP-bigG and T5-XXL of an SD3 pipeline folder, with a cache of embeddings on disk.

    Tokens are CLIP's 77 (second to last layers, side by side, completed by zeros to 4096) followed
    by T5's; pooled is both CLIP projections side by side. As DiT4SR: 256 T5 tokens to restore, 77
    to train. On a GPU the encoders compute in float16; elsewhere in `dtype` where that is bfloat16,
    half of float32's 22 GB, else in float32.
    """

    def __init__(
        self,
        folder: Path,
        *,
        t5_tokens: int = 256,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
        cache: Path | None = None,
    ) -> None:
        if not folder.is_dir():
            raise WeightsMissingError(f"No such pipeline folder: {show(folder)}")
        self.folder, self.t5_tokens = folder, t5_tokens
        self.device = device
        elsewhere = dtype if dtype == torch.bfloat16 else torch.float32
        self.dtype = torch.float16 if device.startswith("cuda") else elsewhere
        self.cache = cache or paths.cache() / "text"
        self._hash = ""

    def embed(self, prompts: Sequence[str]) -> Text:
        """Return the embeddings, computing only those that are not in the cache."""
        missing = self.missing(prompts)
        if missing:
            self._compute(missing)
        found = {prompt: read_safetensors(self._place(prompt)) for prompt in set(prompts)}
        return (
            torch.stack([found[prompt]["text"] for prompt in prompts]),
            torch.stack([found[prompt]["pooled"] for prompt in prompts]),
        )

    def missing(self, prompts: Iterable[str]) -> list[str]:
        """Return the prompts that are not in the cache yet, for which encoders would be loaded."""
        return sorted({prompt for prompt in prompts if not self._place(prompt).is_file()})

    @property
    def encoder_hash(self) -> str:
        """A hash of the encoders: their configurations, sizes, and both ends of their weights."""
        if not self._hash:
            digest = hashlib.sha256()
            for part in ("text_encoder", "text_encoder_2", "text_encoder_3"):
                for file in sorted((self.folder / part).glob("*")):
                    digest.update(f"{part}/{file.name} {file.stat().st_size}\n".encode())
                    with file.open("rb") as handle:
                        digest.update(handle.read(_ENDS))
                        handle.seek(max(0, file.stat().st_size - _ENDS))
                        digest.update(handle.read(_ENDS))
            self._hash = digest.hexdigest()
        return self._hash

    def _place(self, prompt: str) -> Path:
        key = f"{self.encoder_hash}\n{self.t5_tokens}\n{self.dtype}\n{prompt}"
        return self.cache / f"{hashlib.sha256(key.encode()).hexdigest()}.safetensors"

    @torch.no_grad()
    def _compute(self, prompts: Sequence[str]) -> None:
        from diffusers import StableDiffusion3Pipeline

        from baselines.pretrained import no_progress_bar

        try:
            read: Any = StableDiffusion3Pipeline.from_pretrained
            with no_progress_bar():
                pipeline = read(
                    self.folder,
                    transformer=None,
                    vae=None,
                    dtype=self.dtype,
                    local_files_only=True,
                ).to(self.device)
        except Exception as error:  # the libraries answer a damaged folder with many kinds
            raise unreadable(self.folder, error) from None
        for prompt in prompts:
            text, _, pooled, _ = pipeline.encode_prompt(
                prompt,
                prompt_2=None,
                prompt_3=None,
                do_classifier_free_guidance=False,
                max_sequence_length=self.t5_tokens,
            )
            tensors = {"text": text[0].cpu(), "pooled": pooled[0].cpu()}
            write_atomic(self._place(prompt), to_safetensors(tensors))
        del pipeline  # the encoders: never kept beside the network
        if self.device.startswith("cuda"):
            torch.cuda.empty_cache()
