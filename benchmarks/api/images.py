"""8-bit RGB images in and out, with one answer to every kind of bad file.

An image is `uint8` of shape (h, w, 3) on disk and in the scorer, and float in [0, 1] of shape
(3, h, w) or (B, 3, h, w) where a method sees it. What is scored is the file, never the float.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from benchmarks.api.errors import DataError, ImageError, ResourceError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")
_LOSSLESS_TO_RGB = {"RGB", "L", "P", "1"}
_SIXTEEN_BIT = {"I", "I;16", "I;16B", "I;16L", "I;16N", "F"}


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """Read an image file as 8-bit RGB, of shape (h, w, 3).

    Grey and palette images become RGB without loss. What would need a decision that changes
    numbers (16 bit, CMYK, real transparency, several frames) is refused. EXIF orientation is
    ignored, as in the official code of every method here.

    Raises:
        ImageError: the file is missing, truncated, too large to be safe, or of a refused kind.
    """
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is damaged raises below, with a better message
            with Image.open(path) as image:
                return _as_rgb(image, path)
    except ImageError:
        raise
    except FileNotFoundError:
        raise ImageError(f"No such image: {show(path)}") from None
    except Image.DecompressionBombError as error:
        raise ImageError(
            f"{show(path)} is too large to decode safely: {error}",
            "Crop it, or split it into tiles.",
        ) from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        # Pillow answers a damaged file with any of these, by format.
        raise ImageError(
            f"{show(path)} cannot be read: {first_line(error)}",
            "The file is damaged or not an image: get it again.",
        ) from None


def _as_rgb(image: object, path: Path) -> NDArray[np.uint8]:
    import numpy as np
    from PIL import Image

    assert isinstance(image, Image.Image)
    mode = image.mode
    if getattr(image, "n_frames", 1) > 1:
        raise ImageError(f"{show(path)} holds several frames.", "Save the frame that you mean.")
    if mode in _SIXTEEN_BIT:
        raise ImageError(
            f"{show(path)} is not 8-bit (mode {mode}).",
            "Convert it to 8-bit RGB yourself: the rounding rule would change the numbers.",
        )
    if mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        if rgba.getchannel("A").getextrema() != (255, 255):
            raise ImageError(
                f"{show(path)} has transparent pixels.", "Flatten it over a background first."
            )
        image = rgba.convert("RGB")
    elif mode not in _LOSSLESS_TO_RGB:
        raise ImageError(
            f"{show(path)} has colour mode {mode}; RGB is needed.",
            "Convert it to RGB with the colour profile that it was made for.",
        )
    return np.asarray(image.convert("RGB"), dtype=np.uint8)


def read_size(path: Path) -> tuple[int, int]:
    """Return (height, width) from the header alone.

    Raises:
        ImageError: the header cannot be read.
    """
    from PIL import Image

    try:
        with Image.open(path) as image:
            return image.height, image.width
    except FileNotFoundError:
        raise ImageError(f"No such image: {show(path)}") from None
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise ImageError(
            f"{show(path)} cannot be read: {first_line(error)}",
            "The file is damaged or not an image: get it again.",
        ) from None


def write_png(path: Path, image: NDArray[np.uint8]) -> str:
    """Write an (h, w, 3) `uint8` image as PNG, whole or not at all, and return its sha256.

    The bytes depend on the pixels alone (fixed compression, no metadata), so equal images are
    equal files.

    Raises:
        ResourceError: the disk is full or refuses the write.
    """
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image, mode=None).save(buffer, format="PNG", compress_level=6)
    content = buffer.getvalue()
    write_atomic(path, content)
    return hashlib.sha256(content).hexdigest()


def write_atomic(path: Path, content: bytes) -> None:
    """Put `content` at `path`, whole or not at all.

    Raises:
        ResourceError: the disk is full or refuses the write; nothing is left behind.
    """
    with atomic_file(path) as handle:
        handle.write(content)


@contextmanager
def atomic_file(path: Path) -> Iterator[IO[bytes]]:
    """Yield a file that takes the place of `path` by a rename, if what is inside succeeds.

    A reader sees the old file or the new one, never half of it, even after kill -9 or power loss.

    Raises:
        ResourceError: the disk is full or refuses the write; nothing is left behind.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".new-", delete=False) as handle:
            temporary = Path(handle.name)
            yield handle.file
            handle.flush()
            os.fsync(handle.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
        temporary = None
    except OSError as error:
        raise ResourceError(
            f"Cannot write {show(path)}: {error.strerror or error}.",
            "Free space or choose another folder, then repeat the command: finished work is kept.",
        ) from error
    finally:
        if temporary:
            temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def to_tensor(image: NDArray[np.uint8]) -> Tensor:
    """Return an (h, w, 3) `uint8` image as float32 (3, h, w) in [0, 1]."""
    import numpy as np
    import torch

    return torch.from_numpy(image.astype(np.float32) / 255.0).permute(2, 0, 1).contiguous()


def to_uint8(image: Tensor) -> NDArray[np.uint8]:
    """Return a float (3, h, w) tensor in [0, 1] as (h, w, 3) `uint8`, rounded half to even."""
    import numpy as np

    pixels = image.detach().to("cpu").clamp(0, 1).mul(255).round()
    return np.ascontiguousarray(pixels.permute(1, 2, 0).numpy().astype(np.uint8))


def sha256_file(path: Path) -> str:
    """Return the sha256 of a file's bytes, in hex.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"Cannot read {show(path)}: {error.strerror or error}.") from None


def sha256_pixels(image: NDArray[np.uint8]) -> str:
    """Return the sha256 of an image's shape and pixels: the same for any lossless file of it."""
    digest = hashlib.sha256(repr(image.shape).encode())
    digest.update(image.tobytes())
    return digest.hexdigest()


def images_in(folder: Path) -> Iterator[Path]:
    """Yield the image files directly inside `folder`, sorted by name; hidden files are not images.

    Raises:
        DataError: the folder is missing or cannot be listed, or a name is not usable as an id.
    """
    try:
        entries = sorted(folder.iterdir())
    except FileNotFoundError:
        raise DataError(f"No such folder: {show(folder)}") from None
    except OSError as error:
        raise DataError(f"Cannot list {show(folder)}: {error.strerror or error}.") from None
    for entry in entries:
        if entry.suffix.lower() in SUFFIXES and not entry.name.startswith(".") and entry.is_file():
            _check_name(entry)
            yield entry


def _check_name(path: Path) -> None:
    name = path.name
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raise DataError(
            f"File name {name!r} is not UTF-8.", f"Rename it in {show(path.parent)}."
        ) from None
    if not name.isprintable():
        raise DataError(
            f"File name {name!r} holds control characters.", f"Rename it in {show(path.parent)}."
        )


def show(path: Path) -> str:
    """Return a path as text that is safe to print, whatever bytes its name holds."""
    text = str(path)
    return text if text.isprintable() else repr(text)


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its type where it has none."""
    lines = str(error).splitlines()
    return lines[0] if lines and lines[0] else type(error).__name__
