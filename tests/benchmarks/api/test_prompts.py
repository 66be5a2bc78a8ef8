from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Self

import pytest
import torch

from benchmarks import registry
from benchmarks.api.card import WeightFile
from benchmarks.api.errors import ConfigError, OutputError, UnknownNameError
from benchmarks.api.prompts import PromptCard, PromptExtractor, PromptRuntime, entry_name


class _Fake(PromptExtractor):
    card = PromptCard(kind="tags:ram", title="Fake", dtypes=("fp16", "fp32"))
    answer: list[object] | None = None

    @classmethod
    def load(cls, runtime: PromptRuntime) -> Self:
        return cls(runtime)

    def _extract(self, images: Sequence[torch.Tensor]) -> list[str]:
        assert torch.is_inference_mode_enabled()
        return self.answer or [f"{image.shape[-1]} wide" for image in images]  # type: ignore[return-value]


@pytest.fixture
def fake() -> _Fake:
    return _Fake.load(PromptRuntime(card=_Fake.card))


def test_images_of_several_sizes_get_one_line_each(fake: _Fake) -> None:
    assert fake.extract([torch.rand(3, 4, 5), torch.rand(3, 6, 7)]) == ("5 wide", "7 wide")
    assert fake.extract([]) == ()


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (torch.rand(1, 3, 4, 5), r"\(3, h, w\), not \(1, 3, 4, 5\)"),
        (torch.zeros(3, 4, 5, dtype=torch.uint8), r"float in \[0, 1\], not torch\.uint8"),
        (torch.full((3, 4, 5), 1.5), r"not in \[1\.5, 1\.5\]"),
        (torch.full((3, 4, 5), float("nan")), "nan"),
    ],
)
def test_what_is_no_image_is_refused(fake: _Fake, image: torch.Tensor, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        fake.extract([image])


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (["a", "b"], "2 prompts for 1 images"),
        ([None], "not a line of text"),
        (["a\nb"], "not a line"),
    ],
)
def test_what_is_no_prompt_is_refused(fake: _Fake, answer: list[object], message: str) -> None:
    fake.answer = answer
    with pytest.raises(OutputError, match=message):
        fake.extract([torch.rand(3, 4, 5)])


def test_a_runtime_pickles_and_knows_its_dtype() -> None:
    runtime = pickle.loads(pickle.dumps(PromptRuntime(card=_Fake.card)))
    assert runtime.torch_dtype == torch.float16
    assert PromptRuntime(card=_Fake.card, dtype="fp32").torch_dtype == torch.float32


def test_a_runtime_finds_the_weights_of_its_card_only() -> None:
    weight = WeightFile(name="x.pth", licence="MIT", urls=("https://example.org/x.pth",))
    card = PromptCard(kind="tags:ram", title="Fake", weights=(weight,))
    runtime = PromptRuntime(card=card)
    place = runtime.weights.place("tags-ram", weight)
    place.parent.mkdir(parents=True)
    place.touch()
    assert runtime.weight("x.pth") == place
    with pytest.raises(ConfigError, match=r"'tags-ram' declares no weights called 'y\.pth'"):
        runtime.weight("y.pth")


def test_kinds_are_registered_by_names_without_a_colon() -> None:
    assert entry_name("caption:llava") == "caption-llava"
    with pytest.raises(UnknownNameError, match="Unknown prompt kind 'tags-dap'"):
        registry.prompt_extractor("tags:dap")
