"""Every kind of image file is read exactly, or refused with its cause."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.api import images
from benchmarks.api.errors import DataError, ImageError, ResourceError


@pytest.fixture
def photo() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


def saved(path: Path, array: np.ndarray, mode: str, **options: object) -> Path:
    Image.fromarray(array).convert(mode).save(path, **options)
    return path


def test_png_round_trip_is_exact_and_its_bytes_depend_on_pixels_alone(
    tmp_path: Path, photo: np.ndarray
) -> None:
    first = images.write_png(tmp_path / "a.png", photo)
    second = images.write_png(tmp_path / "deep" / "b.png", photo.copy())
    assert first == second == images.sha256_file(tmp_path / "a.png")
    assert np.array_equal(images.read_rgb(tmp_path / "a.png"), photo)
    assert images.read_size(tmp_path / "a.png") == (20, 30)


def test_grey_palette_and_one_bit_become_rgb_without_loss(
    tmp_path: Path, photo: np.ndarray
) -> None:
    for mode in ("L", "P", "1"):
        path = saved(tmp_path / f"{mode}.png", photo, mode)
        assert np.array_equal(images.read_rgb(path), np.asarray(Image.open(path).convert("RGB")))


def test_opaque_alpha_is_dropped_and_real_transparency_refused(
    tmp_path: Path, photo: np.ndarray
) -> None:
    opaque = saved(tmp_path / "opaque.png", photo, "RGBA")
    assert np.array_equal(images.read_rgb(opaque), photo)
    alpha = np.dstack([photo, np.full(photo.shape[:2], 128, np.uint8)])
    Image.fromarray(alpha).save(tmp_path / "glass.png")
    with pytest.raises(ImageError, match="transparent"):
        images.read_rgb(tmp_path / "glass.png")


def test_what_needs_a_decision_is_refused(tmp_path: Path, photo: np.ndarray) -> None:
    deep = tmp_path / "16bit.png"
    Image.fromarray(photo[..., 0].astype(np.uint16) * 257).save(deep)
    cmyk = saved(tmp_path / "cmyk.jpg", photo, "CMYK")
    frames = tmp_path / "frames.tif"
    image = Image.fromarray(photo)
    image.save(frames, save_all=True, append_images=[image])
    for path, cause in ((deep, "not 8-bit"), (cmyk, "CMYK"), (frames, "several frames")):
        with pytest.raises(ImageError, match=cause) as error:
            images.read_rgb(path)
        assert path.name in error.value.cause
        assert error.value.remedy


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp", ".tif"])
@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.99])
def test_truncated_files_are_refused(
    tmp_path: Path, photo: np.ndarray, suffix: str, keep: float
) -> None:
    path = saved(tmp_path / f"cut{suffix}", np.repeat(photo, 8, 0), "RGB")
    content = path.read_bytes()
    path.write_bytes(content[: int(keep if keep >= 1 else keep * len(content))])
    with pytest.raises(ImageError, match=f"cut{suffix}"):
        images.read_rgb(path)


def test_a_missing_file_and_a_text_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("not an image")
    for name, cause in (("none.png", "No such image"), ("text.png", "cannot be read")):
        with pytest.raises(ImageError, match=cause):
            images.read_rgb(tmp_path / name)
        with pytest.raises(ImageError, match=cause):
            images.read_size(tmp_path / name)


def test_extreme_shapes_are_read(tmp_path: Path) -> None:
    for shape in ((1, 1, 3), (3, 20_000, 3)):
        array = np.full(shape, 7, np.uint8)
        images.write_png(tmp_path / "x.png", array)
        assert np.array_equal(images.read_rgb(tmp_path / "x.png"), array)


def test_tensor_round_trip_is_exact_and_rounds_half_to_even(photo: np.ndarray) -> None:
    tensor = images.to_tensor(photo)
    assert tensor.dtype == torch.float32
    assert tensor.shape == (3, 20, 30)
    assert np.array_equal(images.to_uint8(tensor), photo)
    levels = torch.tensor([-1.0, 0.5 / 255, 1.5 / 255, 254.6 / 255, 2.0]).reshape(1, 1, 5)
    assert images.to_uint8(levels.expand(3, 1, 5))[0, :, 0].tolist() == [0, 0, 2, 255, 255]


def test_pixel_hash_ignores_the_encoding(tmp_path: Path, photo: np.ndarray) -> None:
    png, bmp = tmp_path / "a.png", tmp_path / "a.bmp"
    images.write_png(png, photo)
    Image.fromarray(photo).save(bmp)
    hashes = {images.sha256_pixels(images.read_rgb(path)) for path in (png, bmp)}
    assert len(hashes) == 1
    assert images.sha256_pixels(photo.reshape(30, 20, 3)) not in hashes


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kept.bin"
    images.write_atomic(path, b"old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ResourceError, match="No space left"):
        images.write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["kept.bin"]


def test_what_a_killed_process_left_is_removed_and_what_another_writes_is_not(
    tmp_path: Path,
) -> None:
    left, mine = tmp_path / f"{images.UNFINISHED}left", tmp_path / ".new-mine"
    left.touch()
    mine.touch()
    (tmp_path / f"{images.UNFINISHED}folder").mkdir()
    code = "import sys; from benchmarks.api.images import atomic_file; from pathlib import Path\n"
    code += "with atomic_file(Path(sys.argv[1])) as file: print(flush=True); input()"
    words = [sys.executable, "-P", "-c", code, tmp_path / "theirs"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout and other.stdout.readline()
        assert not left.exists() and mine.exists()
        left.touch()
        images.write_atomic(tmp_path / "ours", b"ours")
        assert not left.exists()
        other.communicate(b"\n")
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {".new-mine", f"{images.UNFINISHED}folder", "ours", "theirs"}


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "kept.bin"
    images.write_atomic(path, b"old")
    with pytest.raises(KeyboardInterrupt), images.atomic_file(path) as handle:
        handle.write(b"ne")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["kept.bin"]


def test_pillow_is_an_independent_reader_of_what_is_written(
    photo: np.ndarray, tmp_path: Path
) -> None:
    images.write_png(tmp_path / "a.png", photo)
    with Image.open(io.BytesIO((tmp_path / "a.png").read_bytes())) as image:
        assert image.format == "PNG"
        assert image.mode == "RGB"
        assert not image.info


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(DataError, match="pipe"):
        images.sha256_file(tmp_path / "pipe.png")
