"""Images out of archives that strangers packed: the wanted folders, and nothing beside them."""

from __future__ import annotations

import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from benchmarks.api.errors import DataError
from benchmarks.api.image_files import SUFFIXES
from benchmarks.api.images import show, write_atomic

if TYPE_CHECKING:
    from benchmarks.api.dataset import Side

# What the readers answer a damaged archive with; zipfile an encrypted one with RuntimeError.
_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    lzma.LZMAError,
    zlib.error,
    EOFError,
    RuntimeError,
)
LARGEST_IMAGE = 256 << 20  # bytes; far above any test image, far below a bomb


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    is_file: bool  # a regular file: no folder, link or device
    open: Callable[[], IO[bytes]]


def unpack(archive: Path, wanted: tuple[tuple[Side, str], ...], root: Path) -> Counter[Side]:
    """Copy the images of an archive's folders to `<root>/lr` and `<root>/hr`.

    Args:
        archive: a zip or tar file.
        wanted: which folder of the archive holds which side; the end of its path is enough.
        root: the folder of the data set.

    Returns:
        The number of images of each side.

    Raises:
        DataError: it is no archive, is damaged or unsafe, or does not hold the folders.
        ResourceError: the disk is full.
    """
    counts: Counter[Side] = Counter()
    try:
        with _open(archive) as members:
            for member in members:
                side = _side_of(member, wanted)
                if side:
                    _copy(member, root / side, archive)
                    counts[side] += 1
    except _DAMAGED as error:
        raise DataError(
            f"{show(archive)} cannot be unpacked: {error}", "Download it again."
        ) from None
    for side, folder in wanted:
        if not counts[side]:
            raise DataError(
                f"{show(archive)} holds no images in a folder {folder}/.",
                f"Unpack it yourself and put the {side.upper()} images into {show(root / side)}",
            )
    return counts


@contextmanager
def _open(archive: Path) -> Iterator[Iterator[_Member]]:
    if not archive.is_file():
        raise DataError(f"No such archive: {show(archive)}")
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            yield (
                _Member(
                    info.filename,
                    # The upper half of the attributes is the Unix mode, 0 where there is none.
                    not info.is_dir() and (info.external_attr >> 28) in (0, 0o10),
                    lambda info=info: packed.open(info),  # type: ignore[misc]
                )
                for info in packed.infolist()
            )
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as tar:
            yield (
                _Member(info.name, info.isfile(), lambda info=info: _reader(tar, info))  # type: ignore[misc]
                for info in tar
            )
    else:
        raise DataError(f"{show(archive)} is neither a zip nor a tar archive.")


def _reader(tar: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    reader = tar.extractfile(info)
    assert reader is not None  # it is a regular file
    return reader


def _side_of(member: _Member, wanted: tuple[tuple[Side, str], ...]) -> Side | None:
    """Return the side that a member belongs to, if it is an image of a wanted folder.

    Of its path only the last part is ever used, so nothing is written outside the set.
    """
    path = PurePosixPath(member.name)
    if not member.is_file or path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
        return None
    folder = f"/{path.parent}"
    for side, end in wanted:
        if folder.endswith(f"/{end}"):
            return side
    return None


def _copy(member: _Member, folder: Path, archive: Path) -> None:
    name = PurePosixPath(member.name).name
    if not name.isprintable() or "\\" in name:
        raise DataError(f"{show(archive)} holds a file with an unusable name: {name!r}.")
    with member.open() as source:
        # The size that an archive declares may be a lie: what counts is what comes out.
        content = source.read(LARGEST_IMAGE + 1)
    if len(content) > LARGEST_IMAGE:
        raise DataError(f"{show(archive)}: {name} has over {LARGEST_IMAGE >> 20} MiB: no image.")
    write_atomic(folder / name, content)
