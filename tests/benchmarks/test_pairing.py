"""Pairing by name, with an answer to every kind of disorder."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from benchmarks.api.errors import DataError
from benchmarks.pairing import pair

PUBLISHED = ("a", "b c", "d")


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for folder in ("sr", "hr"):
        (tmp_path / folder).mkdir()
        for name in PUBLISHED:
            (tmp_path / folder / f"{name}.png").touch()
    return tmp_path / "sr", tmp_path / "hr"


def test_images_are_paired_by_name_whatever_their_suffix(folders) -> None:
    sr, hr = folders
    (sr / "d.png").rename(sr / "d.jpg")
    (sr / "metrics.log").touch()
    (sr / "deeper").mkdir()
    paired = pair(sr, hr, PUBLISHED, subset=False)
    assert paired.notes == ("2 entries are not used in sr/: deeper (a folder), metrics.log",)
    found = paired.pairs
    assert [(one.image, one.sr.name, one.hr.name) for one in found if one.hr] == [
        ("a", "a.png", "a.png"),
        ("b c", "b c.png", "b c.png"),
        ("d", "d.jpg", "d.png"),
    ]


def test_without_references_there_are_none(folders) -> None:
    assert {one.hr for one in pair(folders[0], None, PUBLISHED, subset=False).pairs} == {None}


@pytest.mark.parametrize(
    ("folder", "change", "message"),
    [
        (
            "sr",
            lambda f: (f / "d.png").unlink(),
            r"hr/d.png: has no SR image.*1 of 3 published images are missing: d.*--subset",
        ),
        ("sr", lambda f: (f / "e.png").touch(), "sr/e.png: has no published score"),
        ("sr", lambda f: (f / "d.png").rename(f / "b_c.png"), r"b_c.png.*nearest name: 'b c'"),
        ("sr", lambda f: (f / "a.png").rename(f / "A.png"), "A.png: .*nearest name: 'a'"),
        ("sr", lambda f: (f / "a.jpg").touch(), "sr/a.png: has the name of a.jpg"),
        ("hr", lambda f: (f / "d.png").unlink(), "sr/d.png: has no HR image of its name"),
        ("hr", lambda f: (f / "e.png").touch(), "hr/e.png: has no SR image of its name"),
    ],
)
def test_disorder_is_refused(folders, folder: str, change, message: str) -> None:
    change(folders[0].parent / folder)
    with pytest.raises(DataError, match=f"(?s){message}"):
        pair(*folders, PUBLISHED, subset=False)


def test_names_that_look_alike_are_told_apart(folders) -> None:
    sr, hr = folders
    (sr / "a.png").rename(sr / "phot\u043egraph.png")  # a Cyrillic letter
    (hr / "a.png").rename(hr / "photograph.png")
    with pytest.raises(DataError) as caught:
        pair(sr, hr)
    assert r"(nearest name: 'photograph', not 'phot\u043egraph')" in caught.value.cause


def test_names_composed_otherwise_pair(folders) -> None:
    sr, hr = folders
    (sr / "a.png").rename(sr / f"{unicodedata.normalize('NFD', 'épée')}.png")
    (hr / "a.png").rename(hr / f"{unicodedata.normalize('NFC', 'épée')}.png")
    (found,) = (one for one in pair(sr, hr).pairs if not one.image.isascii())
    assert found.image == unicodedata.normalize("NFC", "épée")
    assert found.hr is not None
    assert found.sr.name != found.hr.name


def test_thousands_of_names_without_a_partner_are_named_in_a_moment(tmp_path: Path) -> None:
    for side in ("sr", "hr"):
        (tmp_path / side).mkdir()
        for number in range(1500):
            (tmp_path / side / f"photograph-{side}-{number}.png").touch()
    with pytest.raises(DataError, match="and 2997 more"):
        pair(tmp_path / "sr", tmp_path / "hr")


def test_a_subset_is_allowed_when_asked(folders) -> None:
    sr, hr = folders
    (sr / "d.png").unlink()
    assert [one.image for one in pair(sr, hr, PUBLISHED, subset=True).pairs] == ["a", "b c"]
    (hr / "a.png").unlink()
    with pytest.raises(DataError, match="has no HR image"):
        pair(sr, hr, PUBLISHED, subset=True)
    for path in sr.iterdir():
        path.unlink()
    with pytest.raises(DataError, match="No images in"):
        pair(sr, None, PUBLISHED, subset=True)
