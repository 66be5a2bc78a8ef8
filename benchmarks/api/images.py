"""8-bit RGB images in and out, with one answer to every kind of bad file.

An image is `uint8` of shape (h, w, 3) on disk and in the scorer, and float in [0, 1] of shape
(3, h, w) or (B, 3, h, w) where a method sees it. What is scored is the file, never the float.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from benchmarks.api import image_files
from benchmarks.api.colour_profiles import foreign_profile
from benchmarks.api.errors import DataError, ImageError, ResourceError
from benchmarks.api.text import first_line as first_line  # noqa: PLC0414
from benchmarks.api.text import show as show  # noqa: PLC0414

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

# How files begin that have not taken their place yet. Each is locked by the process that writes it:
# what nobody has locked was left by one that was killed.
UNFINISHED = ".new-mfsr-bench-"
_SWEPT: set[Path] = set()  # folders in which this process has looked for what was left
# Of a PNG file, what makes a program show other colours, or another way up, than its pixels.
_PRESENTATION = {"icc_profile", "gamma", "chromaticity", "srgb", "exif", "transparency"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a file says of its image, before the pixels are decoded."""

    height: int  # pixels
    width: int
    profile: str  # the name of its colour profile, where that is not sRGB
    orientation: int  # as in EXIF: 1 is upright
    as_stored: bool  # a PNG that every program shows with the pixel values that are stored


def read_header(path: Path) -> Header:
    """Return what a file says of its image; what `read_rgb` refuses by the header is refused.

    Raises:
        ImageError: as `read_rgb`, but for what only the pixels show.
    """
    size = image_files.plain_png(path)
    if size:
        height, width = size
        return Header(height=height, width=width, profile="", orientation=1, as_stored=True)
    with image_files.opened(path) as image:
        content = image.info.get("icc_profile")
        return Header(
            height=image.height,
            width=image.width,
            profile=foreign_profile(content) if content else "",
            orientation=image_files.orientation(image),
            as_stored=image.format == "PNG" and not _PRESENTATION & image.info.keys(),
        )


def read_size(path: Path) -> tuple[int, int]:
    """Return (height, width) from the header alone.

    Raises:
        ImageError: as `read_header`.
    """
    header = read_header(path)
    return header.height, header.width


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """Read an image file as 8-bit RGB, of shape (h, w, 3).

    Grey and palette images become RGB without loss. What would need a decision that changes
    numbers (16 bit, CMYK, real transparency, several frames) is refused. Else the pixels are those
    of Pillow's `Image.open(path).convert("RGB")`: colour profiles are not applied, nor the EXIF
    orientation (of a TIFF it is, where it says how the rows are stored). Bytes behind the end of
    an image are none of it.

    Raises:
        ImageError: the file is missing, damaged, too large to be safe, or of a refused kind.
    """
    import numpy as np

    with image_files.opened(path, whole=True) as image:
        if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
            rgba = image.convert("RGBA")
            if rgba.getchannel("A").getextrema() != (255, 255):
                raise ImageError(
                    f"{show(path)} has transparent pixels.", "Flatten it over a background first."
                )
            return np.asarray(rgba.convert("RGB"), dtype=np.uint8)
        return np.asarray(image.convert("RGB"), dtype=np.uint8)


def write_png(path: Path, image: NDArray[np.uint8], *, sync: bool = True) -> str:
    """Write an (h, w, 3) `uint8` image as PNG, whole or not at all, and return its sha256.

    With `sync` it is on the disk afterwards, whatever happens to the machine.

    Raises:
        ResourceError: the disk is full or refuses the write.
    """
    content = encode_png(image)
    write_atomic(path, content, sync=sync)
    return hashlib.sha256(content).hexdigest()


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """Return an (h, w, 3) `uint8` image as a PNG file.

    The bytes depend on the pixels and the compressor alone (fixed settings, no metadata): equal
    images are equal files on one machine. Of filtered photographs zlib finds hardly more than runs,
    and looking for runs alone takes a quarter of the time: docs/measurements/harness.md.
    """
    import io
    import zlib

    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image, mode=None).save(
        buffer, format="PNG", compress_level=6, compress_type=zlib.Z_RLE
    )
    return buffer.getvalue()


def write_atomic(path: Path, content: bytes, *, sync: bool = True) -> None:
    """Put `content` at `path`, whole or not at all.

    Raises:
        ResourceError: the disk is full or refuses the write; nothing is left behind.
    """
    with atomic_file(path, sync=sync) as handle:
        handle.write(content)


@contextmanager
def atomic_file(path: Path, *, sync: bool = True) -> Iterator[IO[bytes]]:
    """Yield a file that takes the place of `path` by a rename, if what is inside succeeds.

    A reader sees the old file or the new one, never half of it, even after kill -9; with `sync`,
    even after power loss. What killed processes left in that folder is removed.

    Raises:
        ResourceError: the disk is full or refuses the write; nothing is left behind.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path.parent)
        with _unfinished(path.parent) as temporary:
            with temporary.open("wb") as handle:
                yield handle
                handle.flush()
                if sync:
                    os.fsync(handle.fileno())
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
    except OSError as error:
        raise ResourceError(
            f"Cannot write {show(path)}: {error.strerror or error}.",
            "Free space or choose another folder, then repeat the command: finished work is kept.",
        ) from error


@contextmanager
def _unfinished(folder: Path) -> Iterator[Path]:
    """Yield a new file in a folder, locked by this process; what is still there is removed."""
    while True:
        number, name = tempfile.mkstemp(dir=folder, prefix=UNFINISHED)
        held = os.fdopen(number, "wb")
        if sys.platform == "win32":  # where an open file cannot be renamed
            held.close()
            break
        _lock(number)
        if os.fstat(number).st_nlink:  # else another process found it before it was locked
            break
        held.close()
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)
        held.close()


def _sweep(folder: Path) -> None:
    """Remove what killed processes left unfinished in a folder; once in a process's life."""
    place = folder.absolute()
    if place in _SWEPT:
        return
    _SWEPT.add(place)
    for path in place.glob(f"{UNFINISHED}*"):
        with suppress(OSError), path.open("rb+") as handle:
            if _lock(handle.fileno()):
                path.unlink()


def _lock(number: int) -> bool:
    """Lock an open file until it is closed; false where another process has, or none can."""
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def is_empty(folder: Path) -> bool:
    """Whether a folder holds nothing, but what a killed command had not put in its place."""
    return all(path.name.startswith(UNFINISHED) for path in folder.iterdir())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def to_tensor(image: NDArray[np.uint8]) -> Tensor:
    """Return an (h, w, 3) `uint8` image as float32 (3, h, w) in [0, 1]."""
    import numpy as np
    import torch

    planes = np.ascontiguousarray(image.transpose(2, 0, 1))
    return torch.from_numpy(np.divide(planes, np.float32(255), dtype=np.float32))


def to_uint8(image: Tensor) -> NDArray[np.uint8]:
    """Return a float (3, h, w) tensor in [0, 1] as (h, w, 3) `uint8`, rounded half to even."""
    import numpy as np

    pixels = image.detach().to("cpu").numpy().clip(0, 1)
    pixels *= 255
    planes = np.rint(pixels, out=pixels).astype(np.uint8)
    # A plane at a time: several times faster than one copy with its axes exchanged.
    found = np.empty((*planes.shape[1:], len(planes)), np.uint8)
    for channel, plane in enumerate(planes):
        found[..., channel] = plane
    return found


def extend(images: Tensor, height: int, width: int) -> Tensor:
    """Return images (B, C, h, w) grown at the bottom and at the right to (B, C, height, width).

    They are reflected without repeating the edge; where a side is too short for that (reflection
    adds at most one pixel less than there are), the last row and column are repeated.
    """
    import torch.nn.functional as F

    bottom, right = height - images.shape[-2], width - images.shape[-1]
    if not (bottom or right):
        return images
    mode = "reflect" if bottom < images.shape[-2] and right < images.shape[-1] else "replicate"
    return F.pad(images, (0, right, 0, bottom), mode=mode)


def sha256_file(path: Path) -> str:
    """Return the sha256 of a file's bytes, in hex.

    Raises:
        DataError: the file cannot be read, or is a pipe, which would block.
    """
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise DataError(f"{show(path)} is a pipe, socket or device.", "Move it away.")
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"Cannot read {show(path)}: {error.strerror or error}.") from None


def sha256_pixels(image: NDArray[np.uint8]) -> str:
    """Return the sha256 of an image's shape and pixels: the same for any lossless file of it."""
    digest = hashlib.sha256(repr(image.shape).encode())
    digest.update(image.tobytes())
    return digest.hexdigest()
