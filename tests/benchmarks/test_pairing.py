"""Pairing by name, with an answer to every kind of disorder."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from benchmarks.api.errors import DataError, UsageError
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


def named(tmp_path: Path, side: str, *names: str) -> Path:
    (tmp_path / side).mkdir(exist_ok=True)
    for name in names:
        (tmp_path / side / name).touch()
    return tmp_path / side


def paired(sr: Path, hr: Path, **options) -> dict[str, tuple[str, str]]:
    return {
        one.image: (one.sr.name, one.hr.name) for one in pair(sr, hr, **options).pairs if one.hr
    }


@pytest.mark.parametrize(
    ("sr", "hr"),
    [
        ("0801x4 0802x4", "0801 0802"),  # DIV2K
        ("0801 0802", "0801x4 0802x4"),
        ("sony_1_x1 sony_2_x1", "sony_1_x4 sony_2_x4"),  # DRealSR
        ("Canon_1_LR4 Nikon_1_LR4", "Canon_1_HR Nikon_1_HR"),  # RealSR
        ("Canon_1_LR4", "Canon_1_HR"),
        ("0801x4_out 0802x4_out", "0801 0802"),
        ("0801_SwinIR 0802_SwinIR", "0801_HR 0802_HR"),
        ("a-hat_SRx4_ImageNet b-hat_SRx4_ImageNet", "a b"),
    ],
)
def test_endings_that_all_names_share_do_not_part_pairs(tmp_path: Path, sr: str, hr: str) -> None:
    names = [[f"{name}.png" for name in side.split()] for side in (sr, hr)]
    folders = named(tmp_path, "sr", *names[0]), named(tmp_path, "hr", *names[1])
    assert list(paired(*folders).values()) == list(zip(*names, strict=True))
    assert list(paired(*folders)) == sr.split()  # the id is the name of what is scored
    assert pair(*folders).notes[0].startswith(f"sr/{names[0][0]} is paired with hr/{names[1][0]}")


@pytest.mark.parametrize(
    ("sr", "hr"),
    [
        ("a_1 b_1", "a_2 b_2"),  # numbers tell images apart
        ("Canon_001", "Canon_002"),
        ("a_day b_day", "a_night b_night"),
        ("a_x4 b_x4", "a c"),  # half of them: no rule
        ("a_x4 b_x4", "c d"),
        ("a_x4 b_out", "a b"),
    ],
)
def test_what_may_be_another_image_is_not_paired(tmp_path: Path, sr: str, hr: str) -> None:
    folders = (
        named(tmp_path, side, *(f"{name}.png" for name in names.split()))
        for side, names in (("sr", sr), ("hr", hr))
    )
    with pytest.raises(DataError, match="do not pair") as caught:
        pair(*folders)
    assert "'SR/{}_out.png', 'HR/{}.png'" in caught.value.remedy


def test_a_missing_image_is_named_among_names_with_endings(tmp_path: Path) -> None:
    sr = named(tmp_path, "sr", *(f"{i}x4.png" for i in range(801, 809)))
    hr = named(tmp_path, "hr", *(f"{i}.png" for i in range(801, 810)))
    with pytest.raises(DataError, match=r"hr/809\.png: has no SR image of its name[^;]*$"):
        pair(sr, hr)
    assert paired(sr, hr, subset=True)["808x4"] == ("808x4.png", "808.png")


def test_a_path_may_say_how_files_are_named(tmp_path: Path) -> None:
    sr = named(
        tmp_path, "sr", "SR_a_v1.png", "SR_b_v1.png", "SR_a_v2.png", "SR_b_v1.jpg", "SR__v1.png"
    )
    hr = named(tmp_path, "hr", "a (truth).png", "b (truth).png")
    found = pair(sr / "SR_{}_v1.png", hr / "{} (truth)")
    assert [(one.image, one.sr.name) for one in found.pairs] == [
        ("a", "SR_a_v1.png"),
        ("b", "SR_b_v1.png"),
    ]
    assert found.notes == (
        "3 entries are not used in sr/: SR__v1.png (not named SR_{}_v1.png), "
        "SR_a_v2.png (not named SR_{}_v1.png), SR_b_v1.jpg (not named SR_{}_v1.png)",
    )
    with pytest.raises(DataError, match="No images in"):
        pair(sr / "{}_v3.png", hr)
    with pytest.raises(UsageError, match="holds {} twice"):
        pair(sr / "{}_{}.png", hr)
    with pytest.raises(DataError, match="No such folder: .*missing"):
        pair(tmp_path / "missing" / "{}.png", hr)
    (tmp_path / "{}").mkdir()
    (tmp_path / "{}" / "a.png").touch()
    assert [one.image for one in pair(tmp_path / "{}", None).pairs] == [
        "a"
    ]  # a folder of that name
