"""Whether a weight file is whole and of its kind, by its first and last bytes.

A clone without Git LFS, a login page, an exceeded quota and an interrupted copy all leave a file of
the right name. Looking takes milliseconds whatever the size, and runs nothing of what is in it.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_LFS = b"version https://git-lfs.github.com/spec/"
_MARKUP = (b"<!doctype", b"<html", b"<head", b"<body", b"<?xml", b"<!--")
_ZIP = b"PK\x03\x04"
# 0x1950a86a20f9469cfc6c, with which torch began its files before they were zip archives, pickled.
_LEGACY = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_HEAD = 512  # bytes that tell a format
_LONGEST_HEADER = 100_000_000  # bytes; safetensors' own limit


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a file, to follow its name, and what to do where that is known."""

    what: str
    remedy: str = ""


def fault(path: Path, *, name: str = "") -> Fault | None:
    """Return what is wrong with a file, or None where nothing shows.

    Args:
        path: the file.
        name: what it will be called, where it does not have its own name yet.
    """
    try:
        with path.open("rb") as handle:
            head = handle.read(_HEAD)
        size = path.stat().st_size
        if not size:
            return Fault("is empty.")
        if head.startswith(_LFS):
            return Fault(
                "is a Git LFS pointer, not the file that it stands for.",
                "Run there: git lfs pull (or delete it and get the file itself)",
            )
        if head.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(_MARKUP):
            return Fault("is a web page (a login, a quota or an error), not the file.")
        look = _LOOKS.get(Path(name or path).suffix.lower())
        what = look(_File(path, head, size)) if look else ""
    except OSError as error:
        return Fault(f"cannot be read: {error.strerror or error}.")
    return Fault(what) if what else None


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    head: bytes  # what it begins with
    size: int


def _safetensors(file: _File) -> str:
    """Eight bytes that say how long the JSON header is, the header, the tensors it names."""
    length = int.from_bytes(file.head[:8], "little")
    if file.head[8:9] != b"{" or length > _LONGEST_HEADER:
        return "is not a safetensors file."
    if 8 + length > file.size:
        return f"is cut short: its header alone takes {length} bytes, and {file.size} are here."
    try:
        with file.path.open("rb") as handle:
            handle.seek(8)
            header = json.loads(handle.read(length))
        ends = [int(part["data_offsets"][1]) for key, part in header.items() if key[:2] != "__"]
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError):
        return "is not a safetensors file: its header cannot be read."
    whole = 8 + length + max(ends, default=0)
    if file.size < whole:
        return f"is cut short: {file.size} of {whole} bytes are here."
    more = file.size - whole
    return f"has {more} bytes more than its header names." if more else ""


def _torch(file: _File) -> str:
    if file.head.startswith(_ZIP):
        names = _members(file.path)
        if names is None:
            return "is cut short or damaged: the end of its zip archive is missing."
        known = any(name.endswith("/data.pkl") for name in names)
    else:
        known = file.head[:1] == b"\x80" and _LEGACY in file.head[:32]
    return "" if known else "is not a file that torch.save or torch.jit.save wrote."


def _zip(file: _File) -> str:
    return "is not a zip archive, or cut short." if _members(file.path) is None else ""


def _members(path: Path) -> list[str] | None:
    """Return the names in a zip archive, or None where its end cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OverflowError):
        return None


def _json(file: _File) -> str:
    try:
        json.loads(file.path.read_bytes())
    except (ValueError, RecursionError):
        return "is not JSON, or cut short."
    return ""


def _matlab(file: _File) -> str:
    return "" if file.head.startswith(b"MATLAB ") else "is not a MATLAB file."


def _numpy(file: _File) -> str:
    return "" if file.head.startswith(b"\x93NUMPY") else "is not a NumPy file."


def _text(file: _File) -> str:
    return "is not text." if b"\0" in file.head else ""


_LOOKS: dict[str, Callable[[_File], str]] = {
    ".safetensors": _safetensors,
    **dict.fromkeys((".pth", ".pt", ".pkl", ".ckpt", ".bin"), _torch),
    **dict.fromkeys((".zip", ".npz"), _zip),
    ".mat": _matlab,
    ".npy": _numpy,
    ".json": _json,
    ".txt": _text,
}
