"""Whole files of every kind pass; whatever is left of one, or stands in its place, is named."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save as safetensors_bytes
from scipy.io import savemat

from benchmarks.api.formats import fault

TENSORS = {"a.weight": torch.arange(600.0), "b": torch.ones(3, 5, dtype=torch.float16)}


def _torch(new: bool) -> bytes:
    buffer = io.BytesIO()
    torch.save(TENSORS, buffer, _use_new_zipfile_serialization=new)
    return buffer.getvalue()


def _saved(save: object, *content: object, **named: object) -> bytes:
    buffer = io.BytesIO()
    save(buffer, *content, **named)  # type: ignore[operator]
    return buffer.getvalue()


WHOLE = {
    "net.safetensors": safetensors_bytes(TENSORS),
    "with notes.safetensors": safetensors_bytes(TENSORS, {"format": "pt"}),
    "net.pth": _torch(new=True),
    "net.PT": _torch(new=True),
    "old.pkl": _torch(new=False),
    "model.mat": _saved(savemat, {"mu": np.ones(36)}),
    "arrays.npz": _saved(np.savez, a=np.ones(9)),
    "array.npy": _saved(np.save, np.ones(9)),
    "config.json": json.dumps({"width": [1, 2, {"x": None}]}).encode(),
    "tags.txt": "größe\nhouse\n".encode(),
    "merges.unknown": b"\x00\x01",
}
# Cut anywhere, these show it; an old torch file and a text do not, and are for sizes and hashes.
SHOW_CUTS = [name for name in WHOLE if name not in {"old.pkl", "tags.txt", "merges.unknown"}]
SHOW_CUTS = [name for name in SHOW_CUTS if not name.endswith((".mat", ".npy"))]


def put(tmp_path: Path, name: str, content: bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_file_passes(tmp_path: Path, name: str) -> None:
    assert fault(put(tmp_path, name, WHOLE[name])) is None
    assert fault(put(tmp_path, "x.part", WHOLE[name]), name=name) is None


@pytest.mark.parametrize("name", SHOW_CUTS)
def test_a_file_that_is_cut_short_shows_it(tmp_path: Path, name: str) -> None:
    whole = WHOLE[name]
    for size in sorted({0, 1, 7, 9, 100 % len(whole), len(whole) // 2, len(whole) - 1}):
        assert fault(put(tmp_path, name, whole[:size])), size


STRANGERS = {
    "empty": (b"", "is empty"),
    "pointer": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
        "Git LFS pointer",
    ),
    "page": (b"\xef\xbb\xbf \r\n<!DOCTYPE HTML><title>Quota exceeded", "web page"),
    "old page": (b"<HTML><body>", "web page"),
    "error of a store": (b'<?xml version="1.0"?><Error><Code>AccessDenied', "web page"),
}


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("stranger", STRANGERS)
def test_what_stands_in_its_place_is_named(tmp_path: Path, name: str, stranger: str) -> None:
    content, what = STRANGERS[stranger]
    found = fault(put(tmp_path, name, content))
    assert found
    assert what in found.what
    assert ("git lfs pull" in found.remedy) == (stranger == "pointer")


@pytest.mark.parametrize("name", [name for name in WHOLE if not name.endswith("unknown")])
def test_noise_is_no_file_of_any_kind(tmp_path: Path, name: str) -> None:
    noise = np.random.default_rng(1).integers(0, 256, 5_000, dtype=np.uint8).tobytes()
    assert fault(put(tmp_path, name, noise))


def test_other_kinds_under_a_known_name_are_refused(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("osediff.pkl", b"x")
    for content in (packed.getvalue(), WHOLE["net.safetensors"], b"{}", b"\x80\x04K\x01."):
        found = fault(put(tmp_path, "net.pth", content))
        assert found
        assert "is not a file that torch.save" in found.what
    assert fault(put(tmp_path, "net.safetensors", WHOLE["net.pth"]))


HEADERS = {
    "not JSON": b"{nothing",
    "a list": b"[1]     ",
    "no offsets": b'{"a": {}}',
    "offsets of text": b'{"a": {"data_offsets": [0, "x"]}}',
    "offsets below zero": b'{"a": {"data_offsets": [0, -9]}}',
    "deep": b'{"a":' * 100_000,
    "huge": b'{"a": {"data_offsets": [0, 1e999]}}',
    "not text": b'{"\xff": 1}',
}


@pytest.mark.parametrize("case", HEADERS)
def test_a_damaged_header_is_no_traceback(tmp_path: Path, case: str) -> None:
    header = HEADERS[case]
    content = len(header).to_bytes(8, "little") + header
    assert fault(put(tmp_path, "net.safetensors", content))
    assert fault(put(tmp_path, "net.safetensors", (1 << 63).to_bytes(8, "little") + header))


def test_bytes_behind_the_last_tensor_are_told(tmp_path: Path) -> None:
    found = fault(put(tmp_path, "net.safetensors", WHOLE["net.safetensors"] + b"12345"))
    assert found
    assert found.what.startswith("has 5 bytes more")


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "net.pth").mkdir()
    for name in ("net.pth", "gone.pth"):
        found = fault(tmp_path / name)
        assert found
        assert found.what.startswith("cannot be read: ")
