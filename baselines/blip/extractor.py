"""Captions by BLIP, in the words and by the search that PASD's --use_blip leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from benchmarks.api.card import Paper, Upstream, WeightFolder
from benchmarks.api.images import to_uint8
from benchmarks.api.prompts import PromptCard, PromptExtractor, PromptRuntime
from benchmarks.api.tensors import unreadable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor

BLIP = WeightFolder(
    name="blip-image-captioning-base",
    repo="Salesforce/blip-image-captioning-base",
    licence="BSD-3-Clause",
    files=(
        "config.json",
        "preprocessor_config.json",
        "pytorch_model.bin",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "vocab.txt",
    ),
    bytes=990_000_000,
)
BEGINNING = "a picture of"
_SEARCH = {"num_beams": 3, "min_length": 10, "max_length": 30}  # LAVIS' own defaults


class BLIPCaption(PromptExtractor):
    """What an LR image shows, in a few words."""

    card = PromptCard(
        kind="caption:blip",
        title="BLIP base",
        paper=Paper(
            title="BLIP: Bootstrapping Language-Image Pre-training for Unified Vision-Language "
            "Understanding and Generation",
            bibkey="li2022blip",
            venue="ICML 2022",
            arxiv="2201.12086",
        ),
        upstream=Upstream(
            repo="yangxy/PASD",
            commit="396f9ac24f9fa2b9787658bd9eea31729e51f264",
            licence="Apache-2.0",
        ),
        weights=(BLIP,),
        licence="BSD-3-Clause",
        dtypes=("fp32", "fp16", "bf16"),
        deviations=(
            "transformers' BLIP and its weights; upstream has LAVIS', with the same beginning "
            f"('{BEGINNING}'), 3 beams and 10 to 30 tokens",
            "images are described one by one, so that their neighbours change nothing",
        ),
    )

    def __init__(self, runtime: PromptRuntime, network: Any, processor: Any) -> None:
        super().__init__(runtime)
        self._network = network.to(runtime.device, runtime.torch_dtype)
        self._processor = processor

    @classmethod
    def load(cls, runtime: PromptRuntime) -> Self:
        """Read the network and its words."""
        return cls(runtime, *_read(runtime.weight(BLIP.name)))

    def _extract(self, images: Sequence[Tensor]) -> list[str]:
        return [self._describe(image) for image in images]

    def _describe(self, image: Tensor) -> str:
        from PIL import Image

        picture = Image.fromarray(to_uint8(image))
        inputs = self._processor(images=picture, text=BEGINNING, return_tensors="pt")
        inputs = inputs.to(self._network.device, self._network.dtype)
        tokens = self._network.generate(**inputs, **_SEARCH)[0]
        text: str = self._processor.tokenizer.decode(tokens, skip_special_tokens=True)
        return " ".join(text.split()).removeprefix(BEGINNING).strip()


def _read(folder: Path) -> tuple[Any, Any]:
    from transformers import (
        AutoTokenizer,
        BlipForConditionalGeneration,
        BlipImageProcessor,
        BlipProcessor,
    )

    from baselines.pretrained import corrupt, no_progress_bar

    try:
        with no_progress_bar():
            network, info = BlipForConditionalGeneration.from_pretrained(
                folder, local_files_only=True, output_loading_info=True
            )
        processor = BlipProcessor(
            BlipImageProcessor.from_pretrained(folder, local_files_only=True),
            AutoTokenizer.from_pretrained(folder, local_files_only=True),
        )
    except Exception as error:  # transformers answers a damaged folder with many kinds
        raise unreadable(folder, error) from None
    if info["missing_keys"]:
        raise corrupt(folder, f"has missing keys, the first is '{min(info['missing_keys'])}'")
    return network.eval().requires_grad_(requires_grad=False), processor
