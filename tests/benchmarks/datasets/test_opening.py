"""Opening folders: what is accepted, and one clear error for everything that is not."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.api.errors import ConfigError, DataError, UnknownNameError
from benchmarks.datasets.opening import open_dataset
from benchmarks.datasets.places import locate
from benchmarks.datasets.verifying import inspect


def put(folder: Path, *names: str, size: int = 8) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        pixels = np.full((size, size, 3), len(name), np.uint8)
        Image.fromarray(pixels).save(folder / name)
    return folder


@pytest.fixture
def pairs(tmp_path: Path) -> tuple[Path, Path]:
    names = ("b.png", "a.png", "with space.png", 'it\'s "<script>".png')
    return put(tmp_path / "lr", *names), put(tmp_path / "hr", *names, size=32)


def test_a_folder_alone_has_no_references(pairs: tuple[Path, Path]) -> None:
    opened = open_dataset(f"folder:{pairs[0]}")
    assert not opened.card.has_reference
    assert opened.card.id == "folder-lr"
    assert [sample.id for sample in opened.samples] == [
        "a",
        "b",
        'it\'s "<script>"',
        "with space",
    ]
    assert all(sample.hr is None for sample in opened.samples)


def test_two_folders_are_paired_by_name(pairs: tuple[Path, Path]) -> None:
    opened = open_dataset(f"folder:{pairs[0]},{pairs[1]}")
    assert opened.card.has_reference
    for sample in opened.samples:
        assert sample.hr is not None
        assert sample.hr.stem == sample.lr.stem == sample.id
        assert (sample.lr.parent, sample.hr.parent) == pairs


def test_hr_may_have_another_suffix_and_case(tmp_path: Path) -> None:
    lr, hr = put(tmp_path / "lr", "a.PNG"), put(tmp_path / "hr", "a.jpg", size=32)
    assert len(open_dataset(f"folder:{lr},{hr}").samples) == 1


@pytest.mark.parametrize("form", ["folder:{0},{1}", "folder:m={0}/{{}}x4.png,{1}/{{}}.png"])
def test_names_that_differ_alike_are_pairs_and_the_spec_opens_them_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    put(tmp_path / "lr", "0801x4.png", "0802x4.png", *(["0801x2.png"] if "=" in form else []))
    put(tmp_path / "hr", "0801.png", "0802.png", size=32)
    monkeypatch.chdir(tmp_path)
    opened = open_dataset(form.format("lr", "hr"))
    assert [(one.lr.name, one.hr.name) for one in opened.samples if one.hr] == [
        ("0801x4.png", "0801.png"),
        ("0802x4.png", "0802.png"),
    ]
    ids = ["0801", "0802"] if "=" in form else ["0801x4", "0802x4"]
    assert [one.id for one in opened.samples] == ids
    assert opened.root in (tmp_path, Path())
    monkeypatch.chdir("/")
    again = open_dataset(opened.spec)
    assert again.manifest_sha256 == opened.manifest_sha256
    assert again.card.id == opened.card.id == ("m" if "=" in form else "folder-lr")


@pytest.mark.parametrize("hidden", ["lr,1", "a=b"])
def test_a_path_with_a_comma_or_an_equals_sign(tmp_path: Path, hidden: str) -> None:
    lr, hr = put(tmp_path / hidden, "a.png"), put(tmp_path / "h,r", "a.png", size=32)
    assert open_dataset(f"folder:{lr}::{hr}").samples[0].hr == hr / "a.png"
    assert open_dataset(f"folder:{lr}::").samples[0].hr is None


def test_a_folder_can_be_named(pairs: tuple[Path, Path]) -> None:
    opened = open_dataset(f"folder:mine={pairs[0]},{pairs[1]}")
    assert opened.card.id == opened.card.title == "mine"


@pytest.mark.parametrize(
    ("spec", "match"),
    [
        ("folder:", "one or two folders"),
        ("folder:a,b,c", "one or two folders"),
        ("folder:a::b::c", "one or two folders"),
        ("folder:realsr=a", "registered"),
    ],
)
def test_malformed_folders(spec: str, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        open_dataset(spec)


def test_an_unknown_name_has_neighbours() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'drealsr'") as caught:
        open_dataset("dreal-sr")
    assert "list datasets" in caught.value.remedy


def refused(lr: Path, hr: Path | None = None) -> str:
    with pytest.raises(DataError) as caught:
        open_dataset(f"folder:{lr}::{hr or ''}")
    assert caught.value.exit_code == 3
    assert "\n" not in caught.value.cause
    return caught.value.cause


def test_an_lr_image_without_hr_and_the_reverse(pairs: tuple[Path, Path]) -> None:
    lr, hr = pairs
    (hr / "b.png").rename(hr / "c.png")
    problems = inspect(locate(f"folder:{lr},{hr}")).problems
    assert "lr/b.png: has no HR image of its name" in map(str, problems)
    cause = refused(lr, hr)
    assert "hr/c.png: has no LR image of its name" in cause
    assert "lr/b.png: has no HR image of its name" in cause


def test_equal_names_with_different_extensions(pairs: tuple[Path, Path]) -> None:
    put(pairs[0], "a.jpg")
    assert "lr/a.png: has the name of a.jpg" in refused(*pairs)


def test_a_wrong_size(pairs: tuple[Path, Path]) -> None:
    put(pairs[1], "b.png", size=31)
    assert "hr/b.png: is 31x31, not 32x32, 4 times its LR image" in refused(*pairs)


def test_a_damaged_header(pairs: tuple[Path, Path]) -> None:
    (pairs[0] / "a.png").write_bytes(b"not an image")
    assert "a.png cannot be read" in refused(*pairs)


def test_an_empty_or_absent_folder(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "No images in" in refused(tmp_path / "empty")
    assert "No such folder" in refused(tmp_path / "absent")
    (tmp_path / "file").write_text("x")
    assert "Cannot list" in refused(tmp_path / "file")


def test_a_folder_that_cannot_be_listed(
    pairs: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", denied)
    assert "Permission denied" in refused(*pairs)


def test_other_files_and_folders_are_named_with_their_number(pairs: tuple[Path, Path]) -> None:
    (pairs[0] / "notes.txt").write_text("x")
    (pairs[0] / ".hidden.png").write_text("x")
    (pairs[0] / "folder.png").mkdir()
    (pairs[1] / "Thumbs.db").touch()
    opened = open_dataset(f"folder:{pairs[0]},{pairs[1]}")
    assert len(opened.samples) == 4
    assert opened.notes == ("2 entries are not used in lr/: folder.png (a folder), notes.txt",)


def test_a_folder_without_images_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "lr" / "deeper").mkdir(parents=True)
    assert "(1 entry is not used in lr/: deeper (a folder))" in refused(tmp_path / "lr")


def test_an_image_of_a_kind_that_is_not_read_is_refused(pairs: tuple[Path, Path]) -> None:
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(pairs[0] / "more.ppm")
    assert "lr/more.ppm" in refused(pairs[0])
    assert "it is PNM" in refused(pairs[0])


def test_what_files_say_and_reading_ignores_is_a_note(tmp_path: Path) -> None:
    lr = put(tmp_path / "lr", "a.png", "b.png")
    exif = Image.Exif()
    exif[274] = 8
    image = Image.fromarray(np.zeros((8, 8, 3), np.uint8))
    image.save(lr / "c.png", exif=exif, icc_profile=b"damaged")
    assert open_dataset(f"folder:{lr}").notes == (
        "1 of 3 files in lr/ carries another colour profile than sRGB (a damaged colour profile): "
        "the stored values are used as they are",
        "1 of 3 files in lr/ is to be shown turned, by the EXIF orientation (c.png): "
        "the pixels are used as they are stored",
    )


def test_the_hash_of_a_set_is_that_of_its_files(pairs: tuple[Path, Path]) -> None:
    spec = f"folder:{pairs[0]},{pairs[1]}"
    first = open_dataset(spec).manifest_sha256
    assert first == open_dataset(spec).manifest_sha256
    put(pairs[1], "b.png", size=32)  # the same again
    assert first == open_dataset(spec).manifest_sha256
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(pairs[1] / "b.png")
    assert first != open_dataset(spec).manifest_sha256


def test_hashing_is_the_callers(pairs: tuple[Path, Path]) -> None:
    seen: list[Path] = []

    def sha256(path: Path) -> str:
        seen.append(path)
        return "0" * 64

    open_dataset(f"folder:{pairs[0]},{pairs[1]}", sha256=sha256)
    assert len(seen) == len(set(seen)) == 8


def test_a_set_that_is_not_here_says_how_to_get_it() -> None:
    for name, remedy in {
        "realsr": "mfsr-bench datasets fetch realsr",
        "reallq250": "https://drive.google.com/",
        "div2k-val": "mfsr-bench datasets make div2k-val --hr DIR",
    }.items():
        with pytest.raises(DataError, match=f"'{name}' is missing at") as caught:
            open_dataset(name)
        assert remedy in caught.value.remedy


def test_a_part_of_realsr_is_not_realsr(shared_data: Path) -> None:
    place = locate("realsr")
    place.root.mkdir(parents=True)
    for side in ("lr", "hr"):
        (place.root / side).symlink_to(shared_data / "realsr-mini" / side)
    report = inspect(place)
    problems = [str(problem) for problem in report.problems]
    assert "17 LR images where 100 belong" in problems
    # Of the files that are there none is wrong: the shipped hashes are those of the real ones.
    assert len(problems) == 1 + 2 * (100 - 17)
    assert all(problem.endswith("is missing") for problem in problems[1:])
    with pytest.raises(DataError, match="not complete and correct"):
        open_dataset("realsr")


def test_half_a_set_is_a_missing_set() -> None:
    locate("drealsr").lr.mkdir(parents=True)
    with pytest.raises(DataError, match=r"'drealsr' is missing at .*36 MB") as caught:
        open_dataset("drealsr")
    assert "datasets fetch drealsr" in caught.value.remedy
