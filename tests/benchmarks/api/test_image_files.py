"""What reaches a decoder, what is refused before, and that nothing a decoder raises gets out."""

from __future__ import annotations

import os
import random
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from mutation import mutants
from PIL import EpsImagePlugin, Image, ImageFile

from benchmarks.api import image_files
from benchmarks.api.errors import ImageError
from benchmarks.api.images import read_header, read_rgb, read_size, write_png

PHOTO = np.random.default_rng(0).integers(60, 188, (24, 32, 3), dtype=np.uint8)


def encoded(kind: str, image: Image.Image | None = None, **options: object) -> bytes:
    buffer = BytesIO()
    (image or Image.fromarray(PHOTO)).save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body), kind) + body + struct.pack(">I", zlib.crc32(kind + body))


def png(depth: int, colour: int, samples: int) -> bytes:
    """Return an 8x8 PNG of any depth and colour type, its samples drawn."""
    row = 8 * samples * depth // 8
    body = b"".join(b"\0" + random.Random(y).randbytes(row) for y in range(8))
    header = struct.pack(">IIBBBBB", 8, 8, depth, colour, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(body)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def by_opencv(suffix: str, image: np.ndarray) -> bytes:
    return cv2.imencode(suffix, image)[1].tobytes()


def refused(path: Path, read: Callable[[Path], object] = read_rgb) -> ImageError:
    with pytest.raises(ImageError) as caught:
        read(path)
    assert "\n" not in caught.value.cause
    assert caught.value.remedy
    return caught.value


DEEP = PHOTO.astype(np.uint16) * 257
DEEPER_THAN_8_BITS = {
    "grey PNG": png(16, 0, 1),
    "RGB PNG": png(16, 2, 3),
    "grey PNG with alpha": png(16, 4, 2),
    "RGBA PNG": png(16, 6, 4),
    "RGB PNG of OpenCV": by_opencv(".png", DEEP),
    "RGB TIFF": by_opencv(".tif", DEEP),
    "RGBA TIFF": by_opencv(".tif", np.dstack([DEEP, DEEP[..., :1]])),
    "grey TIFF": by_opencv(".tif", DEEP[..., 0]),
    "signed TIFF": encoded("TIFF", Image.fromarray(PHOTO[..., 0].astype(np.int32))),
    "float TIFF": encoded("TIFF", Image.fromarray(np.full((8, 8), np.nan, np.float32))),
    "RGB float TIFF": by_opencv(".tif", PHOTO.astype(np.float32)),
}


@pytest.mark.parametrize("name", DEEPER_THAN_8_BITS)
def test_what_is_deeper_than_8_bits_is_refused_by_its_header(tmp_path: Path, name: str) -> None:
    path = tmp_path / "deep.png"
    path.write_bytes(DEEPER_THAN_8_BITS[name])
    for read in (read_header, read_rgb):
        error = refused(path, read)
        assert "not 8-bit" in error.cause or "cannot be read" in error.cause
        if name != "RGB float TIFF":  # which Pillow does not know at all
            assert "8-bit RGB" in error.remedy


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_fewer_bits_are_read_without_loss(tmp_path: Path, depth: int) -> None:
    path = tmp_path / "grey.png"
    path.write_bytes(png(depth, 0, 1))
    expected = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert np.array_equal(read_rgb(path), expected)


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n(executed) print showpage\n%%EOF\n"
OTHERS = {
    "PostScript": POSTSCRIPT,
    "PostScript or PDF": b"%PDF-1.4\n",
    "GIF": encoded("GIF"),
    "PNM": encoded("PPM"),
    "JPEG 2000": encoded("JPEG2000"),
    "AVIF or HEIF": struct.pack(">I", 28) + b"ftypavif\0\0\0\0avifmif1miaf",
    "DDS": b"DDS \x7c\0\0\0" + bytes(120),
    "ICNS": b"icns" + bytes(60),
    "Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    "HTML page": b"\n<!DOCTYPE html><html>quota exceeded</html>",
    "empty": b"",
    "by its content": encoded("TGA"),
}


@pytest.mark.parametrize("what", OTHERS)
def test_content_of_another_kind_reaches_no_decoder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    def executed(*_: object, **__: object) -> None:
        pytest.fail("Ghostscript was started")

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", executed)
    path = tmp_path / "photo.png"
    path.write_bytes(OTHERS[what])
    for read in (read_header, read_rgb):
        assert what in refused(path, read).cause


FRAMES = {"save_all": True, "append_images": [Image.fromarray(PHOTO[::-1])]}


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_several_frames_are_refused_by_the_header(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "frames"
    path.write_bytes(encoded(kind, **FRAMES))
    assert "several frames" in refused(path, read_header).cause


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("JPEG", "CMYK"), ("TIFF", "CMYK"), ("TIFF", "LAB"), ("TIFF", "YCbCr")],
)
def test_other_colours_are_refused_or_exact(tmp_path: Path, kind: str, mode: str) -> None:
    path = tmp_path / "colours"
    image = Image.frombytes(mode, (8, 8), bytes(64 * (4 if mode == "CMYK" else 3)))
    path.write_bytes(encoded(kind, image))
    assert f"colour mode {mode}" in refused(path, read_header).cause


def test_a_palette_with_transparency_is_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "palette.png"
    palette = Image.fromarray(PHOTO).convert("P")
    used = int(np.asarray(palette)[0, 0])
    unused = next(i for i in range(256) if i not in np.unique(np.asarray(palette)))
    path.write_bytes(encoded("PNG", palette, transparency=unused))
    assert np.array_equal(read_rgb(path), np.asarray(palette.convert("RGB")))
    path.write_bytes(encoded("PNG", palette, transparency=used))
    assert "transparent" in refused(path).cause


def test_a_preview_or_an_unnamed_channel_of_a_tiff_is_not_the_image(tmp_path: Path) -> None:
    path = tmp_path / "camera.tif"
    for tags in ({254: 1}, {50706: bytes([1, 4, 0, 0])}):
        path.write_bytes(encoded("TIFF", tiffinfo=tags))
        assert "raw file" in refused(path, read_header).cause
    four = np.dstack([PHOTO, PHOTO[..., :1]])
    tifffile.imwrite(path, four, photometric="rgb", extrasamples=["unspecified"])
    assert "channels" in refused(path, read_header).cause


def test_a_tiff_that_lacks_strips_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "strips.tif"
    path.write_bytes(encoded("TIFF", tiffinfo={278: 24}))
    content = bytearray(path.read_bytes())
    entry = content.index(struct.pack("<HHI", 257, 4, 1))
    content[entry + 8 : entry + 12] = struct.pack("<I", 24_000)  # the image's height
    path.write_bytes(content)
    assert "parts of the image are missing" in refused(path).cause


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_orientation_is_told_and_pixels_stay_as_stored_but_in_tiff(
    tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "turned"
    options = {"quality": 100} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    upright = encoded(kind, **options)
    path.write_bytes(upright)
    assert read_header(path).orientation == 1
    expected = read_rgb(path)
    exif = Image.Exif()
    exif[274] = 6  # to be shown a quarter turn clockwise
    path.write_bytes(encoded(kind, exif=exif, **options))
    assert read_header(path).orientation == 6
    if kind == "TIFF":
        expected = np.rot90(expected, -1)
    assert np.array_equal(read_rgb(path), expected)
    assert read_size(path) == expected.shape[:2]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "WEBP", "TIFF"])
def test_bytes_behind_the_image_are_none_of_it(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "image"
    path.write_bytes(encoded(kind))
    expected = read_rgb(path)
    path.write_bytes(encoded(kind) + b"\0\xff\xd8trailer" * 40)
    assert np.array_equal(read_rgb(path), expected)


def test_any_changed_byte_of_a_png_is_noticed(tmp_path: Path) -> None:
    """Deflate would decode some of them to other pixels; the check sums do not."""
    path, content = tmp_path / "changed.png", encoded("PNG")
    for place in range(8, len(content), 29):
        path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        refused(path)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "WEBP", "TIFF"])
def test_half_a_file_is_refused_whatever_other_libraries_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)  # as pyiqa does on import
    content = encoded(kind, Image.fromarray(PHOTO.repeat(9, 0)))
    (tmp_path / "half").write_bytes(content[: len(content) // 2])
    refused(tmp_path / "half")


def test_bombs_are_refused_whatever_other_libraries_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(encoded("PNG"))
    monkeypatch.setattr(image_files, "MAX_PIXELS", 100)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert "too large to decode safely: 32x24" in refused(path, read_header).cause
    monkeypatch.undo()
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert "too large to decode safely" in refused(path, read_rgb).cause


@pytest.mark.parametrize(
    "error",
    [
        NotImplementedError("format flags"),
        RuntimeError("Failed to decode"),
        TypeError("unsupported operand"),
        SyntaxError("broken file"),
        struct.error("unpack requires 4 bytes"),
        MemoryError(),
        RecursionError("depth"),
        SystemError("tile cannot extend outside image"),
        zlib.error("Error -3"),
        KeyError(258),
        AssertionError(),
        OverflowError("too large"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"),
        OSError("broken data stream"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_a_decoder_raises_is_an_error_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def raises(*_: object, **__: object) -> None:
        raise error

    path = tmp_path / "image.png"
    path.write_bytes(encoded("PNG"))
    monkeypatch.setattr(Image.Image, "convert", raises)
    assert "image.png" in refused(path, read_rgb).cause
    path.write_bytes(encoded("JPEG"))  # a plain PNG's header needs no decoder
    monkeypatch.setattr(Image, "open", raises)
    assert "image.png" in refused(path, read_header).cause


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "broken.png").symlink_to("nowhere.png")
    (tmp_path / "loop.png").symlink_to("loop.png")
    for name, what in {
        "pipe.png": "a pipe",
        "folder.png": "a folder",
        "broken.png": "a link to nothing",
        "loop.png": "symbolic links",
        "n" * 300 + ".png": "File name too long",
        "null\0.png": "null",
        "none.png": "No such image",
    }.items():
        with pytest.raises(ImageError, match=what):
            read_header(tmp_path / name)


FUZZED = {
    "PNG": encoded("PNG", Image.fromarray(PHOTO).convert("P")),
    "JPEG": encoded("JPEG"),
    "BMP": encoded("BMP", Image.fromarray(PHOTO).convert("P")),
    "WEBP": encoded("WEBP"),
    "TIFF": encoded("TIFF"),
    "TIFF-lzw": encoded("TIFF", compression="tiff_lzw"),
}


@pytest.mark.parametrize("kind", FUZZED)
def test_damaged_files_are_read_as_their_header_says_or_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "mutant.png"
    outcomes = set()
    for mutant in mutants(FUZZED[kind], seed=1, count=60):
        path.write_bytes(mutant)
        try:
            size = read_size(path)
            assert read_rgb(path).shape == (*size, 3)
            outcomes.add("read")
        except ImageError as error:
            assert error.remedy
            outcomes.add("refused")
    assert "refused" in outcomes


def test_a_header_is_the_same_by_its_first_bytes_and_by_pillow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every bit of the first 41 bytes turned, every length of them, and what the size may say."""
    rng = np.random.default_rng(0)
    write_png(tmp_path / "whole.png", rng.integers(0, 256, (5, 7, 3), dtype=np.uint8))
    whole = (tmp_path / "whole.png").read_bytes()
    assert image_files.plain_png(tmp_path / "whole.png") == (5, 7)
    cases = [whole[:cut] for cut in range(44)]
    for at in range(41):
        turned = bytearray(whole)
        turned[at] ^= 1 << at % 8
        cases.append(bytes(turned))
    for size, depth, colour, interlaced in (
        ((0, 7), 8, 2, 0), ((7, 0), 8, 2, 0), ((9, 4), 8, 2, 1), ((2**31, 2), 8, 2, 0),
        ((20_000, 20_000), 8, 2, 0), ((3, 3), 8, 0, 0), ((3, 3), 8, 3, 0), ((3, 3), 8, 6, 0),
        ((3, 3), 16, 2, 0), ((3, 3), 1, 0, 0), ((3, 3), 8, 2, 2),
    ):  # fmt: skip
        ihdr = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, interlaced)
        cases.append(whole[:8] + chunk(b"IHDR", ihdr) + whole[33:])
        cases.append(whole[:8] + chunk(b"IHDR", ihdr) + chunk(b"gAMA", b"\0\0\1\1") + whole[33:])
    for content in cases:
        (tmp_path / "one.png").write_bytes(content)
        quick = _said(tmp_path / "one.png")
        with monkeypatch.context() as patch:
            patch.setattr(image_files, "plain_png", lambda path: None)
            assert quick == _said(tmp_path / "one.png"), content[:45]


def _said(path: Path) -> object:
    try:
        return read_header(path)
    except ImageError as error:
        return error.cause
