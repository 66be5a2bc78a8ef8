"""The images beside a page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.api.errors import DataError, ResourceError
from benchmarks.api.images import read_rgb, write_png
from reports.html.gallery import THUMBNAIL, fill, stems
from reports.pictures import Picture, Pictures


def silent(_done: int, _total: int) -> None:
    pass


@pytest.fixture
def picture(tmp_path: Path) -> Picture:
    generator = np.random.default_rng(0)
    for name, size in (("sr", 400), ("lr", 100), ("hr", 400)):
        write_png(tmp_path / f"{name}.png", generator.integers(0, 256, (size, size, 3), np.uint8))
    return Picture(
        dataset="d",
        image="i",
        width=400,
        height=400,
        results={"m@1": tmp_path / "sr.png"},
        lr=tmp_path / "lr.png",
        hr=tmp_path / "hr.png",
    )


def put(picture: Picture, folder: Path, *, link: bool = False) -> None:
    pictures = Pictures(of={"d": (picture,)}, lacking={})
    fill(pictures, {"d": {"i": "name"}}, folder, link=link, progress=silent)


def test_file_names_are_plain_and_different_on_any_file_system() -> None:
    images = ["a/b", "a?b", "A#B", "../../etc", "-", "", "x" * 300, "x" * 301, "a-b-2", "日", "本"]
    names = list(stems(images).values())
    assert len({name.casefold() for name in names}) == len(images)
    for name in names:
        assert name.isascii() and 0 < len(name) <= 70
        assert not set(name) & set("/\\?#%&<>\"' :*|") and not name.startswith((".", "-"))


def test_many_images_of_one_stem_are_named_in_time_linear_in_their_number() -> None:
    names = stems(chr(0x4E00 + i) for i in range(5000))
    assert len(set(names.values())) == 5000


def test_files_are_copied_pixel_by_pixel_with_a_thumbnail(picture: Picture, tmp_path: Path) -> None:
    put(picture, tmp_path / "page")
    for place, source in (
        ("results/m@1", picture.results["m@1"]),
        ("lr", picture.lr),
        ("hr", picture.hr),
    ):
        file = tmp_path / "page" / place / "d" / "name.png"
        assert source is not None
        assert file.read_bytes() == source.read_bytes()
        assert not file.samefile(source)
    with Image.open(tmp_path / "page/thumbs/d/name.jpg") as thumbnail:
        assert thumbnail.size == (THUMBNAIL, THUMBNAIL)


def test_links_take_no_space_and_copying_again_breaks_them(
    picture: Picture, tmp_path: Path
) -> None:
    file = tmp_path / "page/results/m@1/d/name.png"
    put(picture, tmp_path / "page", link=True)
    assert file.samefile(picture.results["m@1"])
    put(picture, tmp_path / "page")
    assert not file.samefile(picture.results["m@1"])
    assert picture.results["m@1"].is_file()


@pytest.mark.parametrize("kind", ["jpg", "bmp", "tif", "profile", "turned"])
def test_originals_that_a_browser_would_show_otherwise_are_written_anew(
    picture: Picture, tmp_path: Path, kind: str
) -> None:
    pixels = read_rgb(tmp_path / "lr.png")
    suffix = kind if kind in ("jpg", "bmp", "tif") else "png"
    source = tmp_path / f"other.{suffix}"
    options: dict[str, object] = {}
    if kind == "profile":
        options["icc_profile"] = b"some profile"
    if kind == "turned":
        exif = Image.Exif()
        exif[0x0112] = 6
        options["exif"] = exif
    Image.fromarray(pixels).save(source, **options)
    put(replace(picture, lr=source), tmp_path / "page", link=True)
    file = tmp_path / "page/lr/d/name.png"
    assert (read_rgb(file) == read_rgb(source)).all()
    with Image.open(file) as image:
        assert image.format == "PNG" and not image.info


def test_a_second_time_touches_nothing_that_is_right(picture: Picture, tmp_path: Path) -> None:
    put(picture, tmp_path / "page")
    files = [path for path in (tmp_path / "page").rglob("*") if path.is_file()]
    before = {path: path.stat().st_ctime_ns for path in files}
    put(picture, tmp_path / "page")
    assert {path: path.stat().st_ctime_ns for path in files} == before
    write_png(picture.results["m@1"], np.zeros((400, 400, 3), np.uint8))
    put(picture, tmp_path / "page")
    assert not read_rgb(tmp_path / "page/results/m@1/d/name.png").any()


def test_a_lost_result_and_a_damaged_original_are_named(picture: Picture, tmp_path: Path) -> None:
    lost = replace(picture, results={"m@1": tmp_path / "gone.png"})
    with pytest.raises(DataError, match=r"recorded image is missing.*gone\.png"):
        put(lost, tmp_path / "page")
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nrubbish")
    with pytest.raises(DataError, match=r"bad\.png cannot be read"):
        put(replace(picture, lr=tmp_path / "bad.png"), tmp_path / "page")


def test_links_that_a_file_system_refuses_are_said(
    picture: Picture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    with pytest.raises(ResourceError, match="cross-device") as caught:
        put(picture, tmp_path / "page", link=True)
    assert "--copy" in caught.value.remedy
