"""Pairing by name, with an answer to every kind of disorder."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.api.errors import DataError
from benchmarks.conformance.pairing import pair

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
    found = pair(sr, hr, PUBLISHED, subset=False)
    assert [(one.image, one.sr.name, one.hr.name) for one in found if one.hr] == [
        ("a", "a.png", "a.png"),
        ("b c", "b c.png", "b c.png"),
        ("d", "d.jpg", "d.png"),
    ]


def test_without_references_there_are_none(folders) -> None:
    assert {one.hr for one in pair(folders[0], None, PUBLISHED, subset=False)} == {None}


@pytest.mark.parametrize(
    ("folder", "change", "message"),
    [
        ("sr", lambda f: (f / "d.png").unlink(), r"lacks 1 of 3 published images: d.*--subset"),
        ("sr", lambda f: (f / "e.png").touch(), r"1 images of .*sr have not a published score: e"),
        ("sr", lambda f: (f / "d.png").rename(f / "b_c.png"), r"nearest name: 'b c'"),
        ("sr", lambda f: (f / "a.jpg").touch(), r"two images called 'a': a.jpg, a.png"),
        ("hr", lambda f: (f / "d.png").unlink(), r"have not a reference in .*hr: d"),
        ("hr", lambda f: (f / "e.png").touch(), r"have not an SR image in .*sr: e"),
    ],
)
def test_disorder_is_refused(folders, folder: str, change, message: str) -> None:
    change(folders[0].parent / folder)
    with pytest.raises(DataError, match=f"(?s){message}"):
        pair(*folders, PUBLISHED, subset=False)


def test_a_subset_is_allowed_when_asked(folders) -> None:
    sr, hr = folders
    (sr / "d.png").unlink()
    assert [one.image for one in pair(sr, hr, PUBLISHED, subset=True)] == ["a", "b c"]
    (hr / "a.png").unlink()
    with pytest.raises(DataError, match="have not a reference"):
        pair(sr, hr, PUBLISHED, subset=True)
    for path in sr.iterdir():
        path.unlink()
    with pytest.raises(DataError, match="No images in"):
        pair(sr, None, PUBLISHED, subset=True)
