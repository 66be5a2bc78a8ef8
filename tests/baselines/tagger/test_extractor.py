from __future__ import annotations

from pathlib import Path

import pytest
import small_networks as small
import torch
from torchvision.transforms.functional import normalize, resize

from baselines.tagger.checkpoint import Tags, read_tags
from baselines.tagger.extractor import DAPETags, RAMTags
from baselines.tagger.ram import RAM, RAMConfig
from baselines.tagger.swin import SwinConfig
from benchmarks import registry
from benchmarks.api.errors import WeightsCorruptError, WeightsMissingError
from benchmarks.api.prompts import PromptRuntime
from benchmarks.api.weights import WeightStore

CONFIG = RAMConfig(
    vision=SwinConfig(image_size=96, channels=8, depths=(2, 2), heads=(2, 2)),
    tags=40,
    text_width=16,
    width=16,
    hidden=32,
)
TAGS = Tags(tuple(f"tag {index}" for index in range(40)), (0.6,) * 39 + (1.0,))


@pytest.fixture
def tagger() -> DAPETags:
    """A small tagger that gives about half of its tags."""
    network = RAM(CONFIG)
    state = small.filled(network.state_dict(), "ram.")
    state["fc.weight"] *= 10
    network.load_state_dict(state)
    return DAPETags(PromptRuntime(card=DAPETags.card), network, TAGS)


def test_tags_are_those_above_their_threshold_in_the_order_of_the_list(tagger: DAPETags) -> None:
    lr = small.lr_picture(32, 24)
    with torch.inference_mode():
        logits = tagger._network(tagger.prepare(lr)[None])[0]
    expected = [name for name, p in zip(TAGS.names[:-1], logits.sigmoid(), strict=False) if p > 0.6]
    assert 0 < len(expected) < 39
    assert tagger.extract([lr]) == (", ".join(expected),)
    assert "tag 39" not in tagger.extract([lr])[0]  # a threshold of 1 means never


def test_images_of_any_size_are_tagged_one_by_one(tagger: DAPETags) -> None:
    images = [small.lr_picture(32, 24), small.lr_picture(20, 50)]
    assert tagger.extract(images) == tuple(tagger.extract([image])[0] for image in images)


def test_the_network_sees_the_enlarged_image_without_antialiasing(tagger: DAPETags) -> None:
    """Torchvision as upstream pins it: `Resize` of a tensor is bilinear and does not antialias."""
    from benchmarks.api.resizing import enlarge

    lr = small.lr_picture(130, 140)
    enlarged = enlarge(lr, scale=4, minimum=128, multiple=8)
    small_one = resize(enlarged, [96, 96], antialias=False)
    expected = normalize(small_one, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    torch.testing.assert_close(tagger.prepare(lr), expected)


def test_the_lists_are_read_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("3D CG rendering\ncafé\nzoo", encoding="utf-8")
    (tmp_path / "thresholds.txt").write_text("0.65\n0.7 \n1.0\n")
    tags = read_tags(tmp_path / "names.txt", tmp_path / "thresholds.txt", 3)
    assert tags == Tags(("3D CG rendering", "café", "zoo"), (0.65, 0.7, 1.0))
    with pytest.raises(WeightsCorruptError, match=r"names\.txt has 3 lines where 4"):
        read_tags(tmp_path / "names.txt", tmp_path / "thresholds.txt", 4)
    (tmp_path / "thresholds.txt").write_text("0.65\nhalf\n1.0\n")
    with pytest.raises(WeightsCorruptError, match="holds no numbers"):
        read_tags(tmp_path / "names.txt", tmp_path / "thresholds.txt", 3)


@pytest.mark.parametrize(("kind", "found"), [("tags:dape", DAPETags), ("tags:ram", RAMTags)])
def test_the_extractors_are_registered_under_their_kind(kind: str, found: type) -> None:
    assert registry.prompt_extractor(kind) is found
    assert found.card.kind == kind  # type: ignore[attr-defined]
    assert found.card.name == kind.replace(":", "-")  # type: ignore[attr-defined]


def test_missing_weights_say_how_to_get_them(tmp_path: Path) -> None:
    runtime = PromptRuntime(card=DAPETags.card, weights=WeightStore(tmp_path))
    with pytest.raises(WeightsMissingError, match="weights fetch tags-dape"):
        DAPETags.load(runtime)
