"""The extractor on a BLIP of a few thousand parameters, in the official layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import small_networks as small
import torch

from baselines.blip.extractor import BEGINNING, BLIP, BLIPCaption
from benchmarks import registry
from benchmarks.api.errors import WeightsCorruptError, WeightsMissingError
from benchmarks.api.prompts import PromptRuntime
from benchmarks.api.weights import WeightStore

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[DEC]", *BEGINNING.split(), "cat", "dog", "tree"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights folder with a BLIP of one layer and thirteen words."""
    from transformers import (
        BertTokenizerFast,
        BlipConfig,
        BlipForConditionalGeneration,
        BlipImageProcessor,
    )

    folder = tmp_path_factory.mktemp("weights") / "caption-blip" / BLIP.name
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2}
    config = BlipConfig(
        vision_config=sizes | {"num_hidden_layers": 1, "image_size": 32, "patch_size": 16},
        text_config=sizes
        | {"num_hidden_layers": 1, "vocab_size": len(WORDS), "encoder_hidden_size": 16}
        | {"bos_token_id": 4, "eos_token_id": 3, "sep_token_id": 3, "pad_token_id": 0},
    )
    torch.manual_seed(0)
    BlipForConditionalGeneration(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    BertTokenizerFast(vocab=str(folder / "vocab.txt"), bos_token="[DEC]").save_pretrained(folder)
    BlipImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


@pytest.fixture
def blip(folder: Path, monkeypatch: pytest.MonkeyPatch) -> BLIPCaption:
    monkeypatch.setattr(PromptRuntime, "weight", lambda *_: folder)
    return BLIPCaption.load(PromptRuntime(card=BLIPCaption.card))


def test_a_caption_is_a_line_without_its_beginning(blip: BLIPCaption) -> None:
    images = [small.lr_picture(20, 30), small.lr_picture(1, 1)]
    captions = blip.extract(images)
    assert captions == blip.extract(images)
    for caption in captions:
        assert not caption.startswith(BEGINNING)
        assert set(caption.split()) <= set(WORDS)


def test_the_search_begins_as_upstreams(blip: BLIPCaption, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def generate(**given: Any) -> torch.Tensor:
        asked.update(given)
        words = [WORDS.index(word) for word in ("[DEC]", *BEGINNING.split(), "dog", "[SEP]")]
        return torch.tensor([words])

    monkeypatch.setattr(blip._network, "generate", generate)
    assert blip.extract([small.lr_picture(8, 8)]) == ("dog",)
    assert (asked["num_beams"], asked["min_length"], asked["max_length"]) == (3, 10, 30)
    assert asked["input_ids"].shape == (1, 2 + len(BEGINNING.split()))


def test_the_kind_is_registered() -> None:
    assert registry.prompt_extractor("caption:blip") is BLIPCaption


def test_a_damaged_folder_is_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PromptRuntime, "weight", lambda *_: tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(WeightsCorruptError, match="cannot be read"):
        BLIPCaption.load(PromptRuntime(card=BLIPCaption.card))


def test_missing_weights_say_how_to_get_them(tmp_path: Path) -> None:
    runtime = PromptRuntime(card=BLIPCaption.card, weights=WeightStore(tmp_path))
    with pytest.raises(WeightsMissingError, match="weights fetch caption-blip"):
        BLIPCaption.load(runtime)
