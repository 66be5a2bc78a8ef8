"""Everything in a folder is an image, or is named with what it is."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.api.errors import DataError
from benchmarks.api.folders import image_id, look


def put(path: Path, kind: str = "PNG") -> Path:
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(path, kind)
    return path


def test_every_entry_is_an_image_or_named(tmp_path: Path) -> None:
    for name in ("b.PNG", "a b'\"<script>.jpg", "d.jpeg", "e.JFIF", "f.Tiff"):
        put(tmp_path / name)
    put(tmp_path / "no-suffix", "JPEG")
    put(tmp_path / "photo.jpg_large", "JPEG")
    for name, kind in (("g.gif", "GIF"), ("h.ppm", "PPM"), ("i.jp2", "JPEG2000")):
        put(tmp_path / name, kind)  # images by their content: reading them says what they are
    (tmp_path / "broken.png").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe.png")
    for name in (".hidden.png", "Thumbs.db", ".DS_Store", "desktop.ini", "notes.txt", "empty"):
        (tmp_path / name).touch()
    (tmp_path / "BM25.txt").write_text("BM25 is no bitmap: a ranking function of text retrieval")
    for name in ("deeper", "folder.png", "__MACOSX"):
        (tmp_path / name).mkdir()
    (tmp_path / "broken").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    found = look(tmp_path)
    assert [path.name for path in found.files] == sorted(
        [
            *("b.PNG", "a b'\"<script>.jpg", "d.jpeg", "e.JFIF", "f.Tiff", "no-suffix"),
            *("photo.jpg_large", "g.gif", "h.ppm", "i.jp2", "broken.png", "pipe.png"),
        ]
    )
    assert found.unused == {
        "BM25.txt": "no image",
        "broken": "a link to nothing",
        "deeper": "a folder",
        "empty": "no image",
        "folder.png": "a folder",
        "notes.txt": "no image",
        "pipe": "a pipe, socket or device, not a file",
    }


def test_a_name_composed_otherwise_is_the_same_name(tmp_path: Path) -> None:
    for form in ("NFC", "NFD"):
        put(tmp_path / f"{unicodedata.normalize(form, 'Ångström-é')}.png")
    files = look(tmp_path).files
    assert len(files) == 2
    assert {image_id(path) for path in files} == {unicodedata.normalize("NFC", "Ångström-é")}
    images, taken = look(tmp_path).by_id()
    assert len(images) == len(taken) == 1


@pytest.mark.parametrize("name", [b"new\nline.png", b"latin\xe9.png", b"esc\x1b[31m.png"])
def test_names_that_cannot_be_ids_are_refused(tmp_path: Path, name: bytes) -> None:
    put(tmp_path / "x.png").rename(Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)))
    with pytest.raises(DataError) as error:
        look(tmp_path)
    assert error.value.cause.isprintable()


def test_names_of_what_is_not_used_are_safe_to_print(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\x1b[31m\xe9.txt")).touch()
    assert all(name.isprintable() for name in look(tmp_path).unused)


def test_a_folder_that_is_missing_or_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="No such folder"):
        look(tmp_path / "none")
    with pytest.raises(DataError, match="Cannot list"):
        look(tmp_path / "file")
