"""The extractor on a LLaVA of a few thousand parameters, in the official layout."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import small_networks as small
import torch

from baselines.llava import extractor
from baselines.llava.extractor import (
    LLAVA,
    QUESTION,
    STYLE_QUESTION,
    LLaVACaption,
    LLaVAStyleCaption,
    caption_of,
    conversation,
    placement,
)
from benchmarks import registry
from benchmarks.api.errors import WeightsCorruptError, WeightsMissingError
from benchmarks.api.prompts import PromptRuntime
from benchmarks.api.weights import WeightStore

CONVERSATION = conversation(QUESTION)
WORDS = ["<unk>", "<s>", "</s>", "<image>", "<pad>", *sorted(set(CONVERSATION.split())), "cat."]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights folder with a LLaVA: CLIP with 2 x 2 patches, a Llama of one layer."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import (
        CLIPImageProcessor,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        PreTrainedTokenizerFast,
    )

    root = tmp_path_factory.mktemp("weights")
    folder = root / "caption-llava" / LLAVA.name
    vision = CLIPVisionConfig(
        hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
        image_size=28, patch_size=14,
    )  # fmt: skip
    text = LlamaConfig(
        vocab_size=len(WORDS), hidden_size=16, intermediate_size=16, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=1024, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    torch.manual_seed(0)
    config = LlavaConfig(vision_config=vision, text_config=text, image_token_index=3)
    network = LlavaForConditionalGeneration(config)
    with torch.no_grad():  # so that the picture decides the words
        network.model.multi_modal_projector.linear_2.weight.mul_(100)
        network.lm_head.weight.normal_(generator=torch.Generator().manual_seed(1))
    network.save_pretrained(folder)
    vocabulary = {word: index for index, word in enumerate(dict.fromkeys(WORDS))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>",
        pad_token="<pad>", additional_special_tokens=["<image>"],
    ).save_pretrained(folder)  # fmt: skip
    size = {"shortest_edge": 28}
    CLIPImageProcessor(size=size, crop_size={"height": 28, "width": 28}).save_pretrained(folder)
    return root


@pytest.fixture
def load(root: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def loaded(**changes: Any) -> LLaVACaption:
        monkeypatch.setattr(extractor, "_NEW_TOKENS", 6)
        monkeypatch.setattr(
            PromptRuntime, "weight", lambda self, name: root / self.card.name / name
        )
        given = {"dtype": "fp32", **changes}
        return LLaVACaption.load(PromptRuntime(card=LLaVACaption.card, **given))

    return loaded


def test_a_picture_is_described_and_only_it_decides_the_words(load: Any) -> None:
    captioner = load()
    pictures = [small.lr_picture(20, 30), 1 - small.lr_picture(33, 20)]
    both = captioner.extract(pictures)
    assert both == captioner.extract(pictures)
    assert both[1:] == captioner.extract(pictures[1:])
    assert both[0] != both[1]


def test_the_network_sees_the_conversation_and_the_picture(
    load: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    captioner, seen = load(), {}
    generate = captioner._network.generate

    def tapped(**inputs: Any) -> torch.Tensor:
        seen.update(inputs)
        return generate(**inputs)

    monkeypatch.setattr(captioner._network, "generate", tapped)
    captioner.extract([small.lr_picture(20, 30)])
    tokens = seen["input_ids"][0].tolist()
    assert tokens.count(WORDS.index("<image>")) == 4  # 2 x 2 patches, without the class token
    text = "".join(captioner._processor.tokenizer.decode(tokens).split())
    assert text.replace("<image>" * 4, "<image>") == "".join(CONVERSATION.split())
    assert seen["pixel_values"].shape == (1, 3, 28, 28)
    assert (seen["do_sample"], seen["num_beams"], seen["max_new_tokens"]) == (False, 1, 6)


def test_the_conversation_is_verbatim() -> None:
    assert CONVERSATION == (
        "A chat between a curious user and an artificial intelligence assistant. The assistant "
        "gives helpful, detailed, and polite answers to the user's questions. USER: <image>\n"
        "Please describe the actual objects in the image in a very detailed manner. Please do not "
        "include descriptions related to the focus and bokeh of this image. Please do not include "
        "descriptions like the background is blurred. ASSISTANT:"
    )
    assert extractor._NEW_TOKENS == 512


def test_an_answer_becomes_one_line_without_sentences_about_focus() -> None:
    answer = "A cat on a mat.\n\nThe background is blurred. It is red.\r\n"
    assert caption_of(answer) == "A cat on a mat. It is red."
    assert caption_of("In focus.") == ""


def test_a_network_that_does_not_fit_is_shared_with_main_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gib = 1 << 30
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (24 * gib, 25 * gib))
    assert placement("cpu", 26 * gib) == {}
    assert placement("cuda:1", 13 * gib) == {"device_map": {"": "cuda:1"}}
    shared = placement("cuda:1", 26 * gib)
    assert shared == {"device_map": "auto", "max_memory": {1: 22 * gib, "cpu": 52 * gib}}


def test_missing_and_damaged_files_are_errors(
    root: Path, tmp_path: Path, load: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    from safetensors.torch import load_file, save_file

    runtime = PromptRuntime(card=LLaVACaption.card, weights=WeightStore(tmp_path / "none"))
    with pytest.raises(WeightsMissingError, match="weights fetch caption-llava"):
        LLaVACaption.load(runtime)
    folder = shutil.copytree(root / "caption-llava" / LLAVA.name, tmp_path / "copy")
    monkeypatch.setattr(PromptRuntime, "weight", lambda self, name: folder)
    tensors = load_file(folder / "model.safetensors")
    first = next(key for key in tensors if "multi_modal_projector.linear_1.weight" in key)
    del tensors[first]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(
        WeightsCorruptError, match=r"missing keys, the first is '.*linear_1\.weight"
    ):
        LLaVACaption.load(PromptRuntime(card=LLaVACaption.card, dtype="fp32"))
    (folder / "config.json").write_text("{")
    with pytest.raises(WeightsCorruptError, match="cannot be read"):
        LLaVACaption.load(PromptRuntime(card=LLaVACaption.card, dtype="fp32"))


def test_the_extractor_is_registered_and_light() -> None:
    assert registry.prompt_extractor("caption:llava") is LLaVACaption
    code = "import sys, baselines.llava.extractor, baselines.dit4sr.restorer, " + (
        "baselines.tsdsr.restorer; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_supir_asks_another_question_and_keeps_the_answer() -> None:
    asked = []

    def processor(*, images: Any, text: str, return_tensors: str) -> Any:
        asked.append(text)
        raise RuntimeError

    extractor = LLaVAStyleCaption.__new__(LLaVAStyleCaption)
    extractor._processor = processor
    with pytest.raises(RuntimeError):
        extractor._answer(small.lr_picture(8, 8))
    assert asked == [conversation(STYLE_QUESTION)]
    assert extractor._caption('In focus.\n A "sign".') == 'In focus. A "sign".'
    assert registry.prompt_extractor("caption:llava-style") is LLaVAStyleCaption
