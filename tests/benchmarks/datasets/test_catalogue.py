"""The cards and manifests of the catalogue hold together."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import registry
from benchmarks.api.card import HubFile
from benchmarks.api.dataset import DatasetCard, Source
from benchmarks.api.errors import ConfigError, DataError
from benchmarks.datasets import manifests
from benchmarks.datasets.catalogue import CARDS

NOWHERE = Path("/nowhere")


def test_every_card_is_registered_once() -> None:
    registered = registry.dataset_cards()
    assert [registered[card.id] for card in CARDS] == list(CARDS)
    assert {card.id: card.n for card in CARDS} == {
        "realsr": 100,
        "drealsr": 93,
        "div2k-val": 100,
        "div2k-bicubic": 100,
        "div2k-val-3k": 3000,
        "reallq250": 250,
        "reallr200": 200,
        "sample": 8,
    }


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.id)
def test_cards_say_what_a_user_must_know(card: DatasetCard) -> None:
    assert card.licence
    assert card.homepage.startswith("https://")
    assert card.note
    assert card.sources or card.kind == "built-in"
    for source in card.sources:
        assert source.address.startswith("http")
        if source.files:
            assert card.manifest, "single files are fetched by the names in the manifest"
            assert all("{name}" in address for _, address in source.files)
        else:
            sides = {side for side, _ in source.unpack}
            wanted = {"lr", "hr"} if card.has_reference else {"lr"}
            assert sides == ({"hr"} if card.kind == "made" else wanted)


@pytest.mark.parametrize(
    "card", [card for card in CARDS if card.manifest], ids=lambda card: card.id
)
def test_manifests_fit_their_cards(card: DatasetCard) -> None:
    rows = manifests.of_card(card, NOWHERE)
    assert rows is not None
    assert card.lr_size is not None
    for side, factor in (("lr", 1), ("hr", card.scale)):
        mine = [row for row in rows if row.side == side]
        assert len({row.name for row in mine}) == len(mine) == card.n
        assert {(row.height, row.width) for row in mine} == {
            (factor * card.lr_size[0], factor * card.lr_size[1])
        }
    assert len({row.sha256_pixels for row in rows}) == len(rows)
    assert all(len(row.sha256_pixels) == 64 and len(row.sha256) in (0, 64) for row in rows)


def test_two_sets_of_one_name_warn_of_each_other() -> None:
    cards = registry.dataset_cards()
    assert "div2k-val-3k" in cards["div2k-val"].not_to_confuse
    assert "div2k-val" in cards["div2k-val-3k"].not_to_confuse


def test_a_source_is_one_way() -> None:
    with pytest.raises(ConfigError, match="one of them"):
        Source()
    with pytest.raises(ConfigError, match="one of them"):
        Source(page="https://a", hub=HubFile(repo="a/b", filename="c"))


def test_a_manifest_survives_its_file() -> None:
    rows = manifests.of_card(registry.dataset_cards()["drealsr"], NOWHERE)
    assert rows is not None
    assert set(manifests.parse(manifests.render(rows).decode(), "x")) == set(rows)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "is not a manifest"),
        ("name,sha256\n", "is not a manifest"),
        ("side,name,sha256,sha256_pixels,height,width\nsr,a.png,,0,1,1\n", "line 2: side 'sr'"),
        ("side,name,sha256,sha256_pixels,height,width\nlr,a.png,,0,tall,1\n", "line 2"),
        ("side,name,sha256,sha256_pixels,height,width\nlr,a.png\n", "line 2"),
    ],
)
def test_what_is_not_a_manifest(text: str, match: str) -> None:
    with pytest.raises(DataError, match=match):
        manifests.parse(text, "that.csv")
