"""Whether what lies on this machine is the weight that a card describes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.api.card import WeightFile
from benchmarks.api.errors import WeightsCorruptError
from benchmarks.api.formats import fault
from benchmarks.api.text import show

if TYPE_CHECKING:
    from benchmarks.api.card import WeightFolder, Weights

AGAIN = "Delete it and run: mfsr-bench weights fetch"
_ROUGHLY = 0.9  # of a size that the card knows roughly: less than this is not all of the file


def is_packaged(weight: Weights, path: Path) -> bool:
    """Whether the file at `path` was converted from a package: then it is not the official one."""
    official = weight.name.rpartition("/")[2]
    packaged = weight.packaged_name if isinstance(weight, WeightFile) else weight.name
    return path.name == packaged.rpartition("/")[2] != official


def look(weight: Weights, path: Path) -> None:
    """Check sizes and formats of the file or folder at `path`, in milliseconds.

    Raises:
        WeightsCorruptError: something else lies there, or a part of it.
    """
    if isinstance(weight, WeightFile):
        _look_at_file(path)
        _look_at_size(weight, path)
    else:
        for name in weight.files:
            _look_at_file(path / name)


def _look_at_file(path: Path) -> None:
    found = fault(path)
    if found:
        raise WeightsCorruptError(f"{show(path)} {found.what}", found.remedy or AGAIN)


def _look_at_size(weight: WeightFile, path: Path) -> None:
    if is_packaged(weight, path):
        return
    size = path.stat().st_size
    if weight.bytes and size != weight.bytes:
        raise WeightsCorruptError(
            f"{show(path)} has {size} bytes where {weight.bytes} were expected.", AGAIN
        )
    if size < _ROUGHLY * weight.about_bytes:
        raise WeightsCorruptError(
            f"{show(path)} has {size} bytes where about {weight.about_bytes} were expected.", AGAIN
        )


def check(weight: WeightFile, path: Path, sha256: Callable[[Path], str]) -> str:
    """Return the sha256 of the weight file at `path`, which must be the one that the card names.

    Raises:
        WeightsCorruptError: the size or the hash differs.
    """
    look(weight, path)
    packaged = weight.package if is_packaged(weight, path) else None
    found = sha256(path)
    expected = packaged.sha256 if packaged else weight.sha256 or weight.sha256_prefix
    if not found.startswith(expected):
        raise WeightsCorruptError(
            f"{show(path)} has sha256 {found} where {expected} was expected.", AGAIN
        )
    return found


def check_folder(weight: WeightFolder, path: Path, sha256: Callable[[Path], str]) -> None:
    """Check the files of the folder at `path`, with those hashes that the card knows.

    Raises:
        WeightsCorruptError: a file is not whole or its hash differs; the message names it.
    """
    look(weight, path)
    for name, expected in weight.sha256:
        found = sha256(path / name)
        if found != expected:
            raise WeightsCorruptError(
                f"{show(path / name)} has sha256 {found} where {expected} was expected.", AGAIN
            )
