"""Captions by LLaVA-1.5, with DiT4SR's question and its filter of sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from baselines.llava.sentences import drop_focus_sentences
from benchmarks.api.card import Paper, Upstream, WeightFolder
from benchmarks.api.images import to_uint8
from benchmarks.api.prompts import PromptCard, PromptExtractor, PromptRuntime
from benchmarks.api.tensors import unreadable

if TYPE_CHECKING:
    from torch import Tensor

_COMMIT = "7ec9e5e3848e3c7dd10f1edcbd6b9a2cb71dbf06"
_SHARDS = 6
LLAVA = WeightFolder(
    name="llava-1.5-13b",
    repo="llava-hf/llava-1.5-13b-hf",
    revision="e35e892aa406d31b1df3bad7ab0743e8bf98b8eb",
    licence="LicenseRef-Llama-2-Community",
    files=(
        "added_tokens.json",
        "config.json",
        "generation_config.json",
        *(f"model-{i + 1:05}-of-{_SHARDS:05}.safetensors" for i in range(_SHARDS)),
        "model.safetensors.index.json",
        "preprocessor_config.json",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer.model",
        "tokenizer_config.json",
    ),
    bytes=26_690_000_000,
    note="the authors' liuhaotian/llava-v1.5-13b in transformers' layout",
)
QUESTION = (
    "Please describe the actual objects in the image in a very detailed manner. Please do not "
    "include descriptions related to the focus and bokeh of this image. Please do not include "
    "descriptions like the background is blurred."
)
STYLE_QUESTION = "Describe this image and its style in a very detailed manner."


def conversation(question: str) -> str:
    """Return the conversation that LLaVA-1.5 was trained in, "vicuna_v1" upstream."""
    return (
        "A chat between a curious user and an artificial intelligence assistant. The assistant "
        "gives helpful, detailed, and polite answers to the user's questions. "
        f"USER: <image>\n{question} ASSISTANT:"
    )


_NEW_TOKENS = 512
_SPARE = 2 << 30  # bytes of GPU memory for what generating takes beside the weights


class LLaVACaption(PromptExtractor):
    """What an LR image shows, in sentences."""

    card = PromptCard(
        kind="caption:llava",
        title="LLaVA-1.5-13B",
        paper=Paper(
            title="Improved Baselines with Visual Instruction Tuning",
            bibkey="liu2024llava",
            venue="CVPR 2024",
            arxiv="2310.03744",
        ),
        upstream=Upstream(repo="Adam-duan/DiT4SR", commit=_COMMIT, licence="LicenseRef-Pi-Lab-1.0"),
        weights=(LLAVA,),
        licence="LicenseRef-Llama-2-Community",
        dtypes=("fp16", "bf16", "fp32"),
        deviations=(
            "the most likely word each time; upstream draws words, unseeded, at temperature 0.2 "
            "and top_p 0.7, and describes the same image in other words each time",
            "weights in float16; upstream has 8-bit ones (bitsandbytes)",
            "sentences about focus, blur and positions are dropped here and again by DiT4SR, "
            "which changes nothing more",
        ),
        note="27 GB in float16; where the GPU holds less, layers stay in main memory",
    )

    _question = QUESTION

    def __init__(self, runtime: PromptRuntime, network: Any, processor: Any) -> None:
        super().__init__(runtime)
        self._network, self._processor = network, processor

    @classmethod
    def load(cls, runtime: PromptRuntime) -> Self:
        """Read the network to where it fits."""
        folder = runtime.weight(LLAVA.name)
        network = _read_network(folder, runtime)
        return cls(runtime, network, _read_processor(folder, network.config))

    def _extract(self, images: Sequence[Tensor]) -> list[str]:
        # One by one: padding, and so the neighbours, would change the words.
        return [self._caption(self._answer(image)) for image in images]

    @staticmethod
    def _caption(answer: str) -> str:
        return caption_of(answer)

    def _answer(self, image: Tensor) -> str:
        from PIL import Image

        picture = Image.fromarray(to_uint8(image))
        inputs = self._processor(
            images=picture, text=conversation(self._question), return_tensors="pt"
        )
        inputs = inputs.to(self._network.device, self._network.dtype)
        tokens = self._network.generate(
            **inputs,
            do_sample=False,
            temperature=None,
            top_p=None,
            num_beams=1,
            max_new_tokens=_NEW_TOKENS,
        )
        answer = tokens[0, inputs["input_ids"].shape[1] :]
        text: str = self._processor.tokenizer.decode(answer, skip_special_tokens=True)
        return text


class LLaVAStyleCaption(LLaVACaption):
    """What an LR image shows and how it looks, as SUPIR asks for it."""

    card = replace(
        LLaVACaption.card,
        kind="caption:llava-style",
        title="LLaVA-1.5-13B, SUPIR's question",
        upstream=Upstream(
            repo="Fanghua-Yu/SUPIR",
            commit="bda91af2000042f8bedfec8897d92917e67c1d88",
            licence="LicenseRef-SUPIR",
        ),
        deviations=(
            *LLaVACaption.card.deviations[:2],
            "the LR image is described; upstream has the stage-1 image at 512 pixels described",
        ),
    )
    _question = STYLE_QUESTION

    @staticmethod
    def _caption(answer: str) -> str:
        return " ".join(answer.split())


def caption_of(answer: str) -> str:
    """Return an answer as one line, without its sentences about focus, blur and positions."""
    return drop_focus_sentences(" ".join(answer.split()))


def _read_network(folder: Path, runtime: PromptRuntime) -> Any:
    from transformers import LlavaForConditionalGeneration

    from baselines.pretrained import corrupt, no_progress_bar

    dtype = runtime.torch_dtype
    size = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    try:
        with no_progress_bar():
            network, info = LlavaForConditionalGeneration.from_pretrained(
                folder,
                dtype=dtype,
                local_files_only=True,
                output_loading_info=True,
                **placement(runtime.device, size * dtype.itemsize // 2),
            )
    except Exception as error:  # transformers answers a damaged folder with many kinds
        raise unreadable(folder, error) from None
    if info["missing_keys"]:
        first = min(map(str, info["missing_keys"]))
        raise corrupt(folder, f"has missing keys, the first is '{first}'")
    return network.eval().requires_grad_(requires_grad=False)


def placement(device: str, size: int) -> dict[str, Any]:
    """Return transformers' arguments that put a network on a device, as far as it fits.

    Args:
        device: as torch spells it.
        size: bytes of the weights.
    """
    import torch

    if not device.startswith("cuda"):
        return {}
    free, _ = torch.cuda.mem_get_info(device)
    if size + _SPARE <= free:
        return {"device_map": {"": device}}
    index = torch.device(device).index or 0
    return {"device_map": "auto", "max_memory": {index: free - _SPARE, "cpu": 2 * size}}


def _read_processor(folder: Path, config: Any) -> Any:
    """Put the processor together from its parts: the folder's own description has changed."""
    from transformers import AutoTokenizer, CLIPImageProcessor, LlavaProcessor

    try:
        return LlavaProcessor(
            image_processor=CLIPImageProcessor.from_pretrained(folder, local_files_only=True),
            tokenizer=AutoTokenizer.from_pretrained(folder, local_files_only=True),
            patch_size=config.vision_config.patch_size,
            vision_feature_select_strategy=config.vision_feature_select_strategy,
            num_additional_image_tokens=1,  # CLIP's class token
        )
    except Exception as error:  # transformers answers a damaged folder with many kinds
        raise unreadable(folder, error) from None
