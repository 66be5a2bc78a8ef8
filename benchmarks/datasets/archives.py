"""Images out of archives that strangers packed: the wanted folders, and nothing beside them."""

from __future__ import annotations

import gzip
import lzma
import struct
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
from benchmarks.api.images import write_atomic
from benchmarks.api.text import first_line, show

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
    ValueError,
    OverflowError,
    struct.error,
    OSError,
)
# Far above any test set, far below a bomb.
LARGEST_IMAGE = 256 << 20  # bytes
LARGEST_SET = 64 << 30  # bytes
MOST_MEMBERS = 200_000
_LONGEST_NAME = 255  # bytes; what file systems take


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
    try:
        with _open(archive) as members:
            counts = _copy_all(members, wanted, root, archive)
    except _DAMAGED as error:
        raise DataError(
            f"{show(archive)} cannot be unpacked: {first_line(error)}", "Download it again."
        ) from None
    for side, folder in wanted:
        if not counts[side]:
            raise DataError(
                f"{show(archive)} holds no images in a folder {folder}/.",
                f"Unpack it yourself and put the {side.upper()} images into {show(root / side)}",
            )
    return counts


def _copy_all(
    members: Iterator[_Member], wanted: tuple[tuple[Side, str], ...], root: Path, archive: Path
) -> Counter[Side]:
    """Copy what is wanted, within the limits, each name once."""
    places: dict[Path, Side] = {}
    size = 0
    for number, member in enumerate(members):
        if number == MOST_MEMBERS:
            raise DataError(f"{show(archive)} holds over {MOST_MEMBERS} files: no test set.")
        side = _side_of(member, wanted)
        if side:
            place = root / side / _name_of(member, archive)
            if place in places:
                raise DataError(f"{show(archive)} holds two files {side}/{place.name}.")
            places[place] = side
            size += _copy(member, place, archive)
            if size > LARGEST_SET:
                raise DataError(f"{show(archive)} unpacks to over {LARGEST_SET >> 30} GiB.")
    return Counter(places.values())


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


def _name_of(member: _Member, archive: Path) -> str:
    name = PurePosixPath(member.name).name
    size = len(name.encode(errors="surrogateescape"))
    if not name.isprintable() or "\\" in name or size > _LONGEST_NAME:
        short = name if size <= _LONGEST_NAME else f"{name[:40]}... ({size} bytes)"
        raise DataError(f"{show(archive)} holds a file with an unusable name: {short!r}.")
    return name


def _copy(member: _Member, place: Path, archive: Path) -> int:
    """Copy one image, and return its size in bytes."""
    with member.open() as source:
        # The size that an archive declares may be a lie: what counts is what comes out.
        content = source.read(LARGEST_IMAGE + 1)
    if len(content) > LARGEST_IMAGE:
        raise DataError(
            f"{show(archive)}: {place.name} has over {LARGEST_IMAGE >> 20} MiB: no image."
        )
    write_atomic(place, content)
    return len(content)
