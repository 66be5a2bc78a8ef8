"""The one place that opens image files: by their content, and only what can be read exactly.

A name says nothing: a `.png` may hold PostScript, which Pillow would hand to Ghostscript. So the
first bytes decide, and PNG, JPEG, BMP, WebP and TIFF alone reach a decoder. What a decoder would
change in silence is refused: more than 8 bits, several frames, colours that are not RGB or grey.
"""

from __future__ import annotations

import os
import re
import stat
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from benchmarks.api.errors import ImageError
from benchmarks.api.text import first_line, show

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".webp", ".tif", ".tiff")
MAX_PIXELS = 2 * 89_478_485  # where Pillow refuses as well, unless some library lifts its limit

_HEAD = 128  # bytes that the patterns below may look at
_READ = {
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "JPEG": rb"\xff\xd8\xff",
    "BMP": rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0",
    "WebP": rb"RIFF.{4}WEBP",
    "TIFF": rb"II[*+]\0|MM\0[*+]",
}
_PLAIN_PNG = re.compile(
    rb"\x89PNG\r\n\x1a\n\0\0\0\x0d(IHDR.{8}\x08[\0\x02]\0\0[\0\x01])(.{4}).{4}IDAT", re.DOTALL
)
_NOT_READ = {
    "GIF": rb"GIF8[79]a",
    "PNM": rb"P[1-6]\s+(#|\d+\s+\d+\s)|P7\s+WIDTH|P[fF]\s+\d+\s+\d+\s",
    "JPEG 2000": rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51",
    "JPEG XL": rb"\xff\x0a|\0\0\0\x0cJXL ",
    "JPEG XR": rb"II\xbc",
    "AVIF or HEIF": rb".{4}ftyp(avi|hei|hev|mif1|msf1)",
    "DDS": rb"DDS \x7c",
    "Photoshop": rb"8BPS",
    "OpenEXR": rb"\x76\x2f\x31\x01",
    "Radiance HDR": rb"#\?(RADIANCE|RGBE)",
    "QOI": rb"qoif",
    "ICNS": rb"icns",
    "MNG": rb"\x8a[MJ]NG",
    "FITS": rb"SIMPLE  =",
    "SGI": rb"\x01\xda[\0\1][\1\2]",
}
# What takes the place of an image that did not arrive -> what to do about it.
_IN_ITS_PLACE = {
    "a Git LFS pointer": (rb"version https://git-lfs", "In its repository, run: git lfs pull"),
    "an HTML page": (rb"(?i)\s*<(!doctype\s+html|html)", "Get it again, where a login may be due."),
    "PostScript or PDF": (rb"%!PS|%PDF|\xc5\xd0\xd3\xc6", "Save it as PNG."),
    "empty": (rb"\Z", "Get it again."),
}
_AGAIN = "The file is damaged or not an image: get it again."
_AS_PNG = "Save it as an 8-bit RGB PNG."
_ROUNDING = "Convert it to 8-bit RGB yourself: the rounding rule would change the numbers."
_DEEP_MODES = {"I", "I;16", "I;16B", "I;16L", "I;16N", "F"}
_MODES = {"1", "L", "P", "RGB", "LA", "PA", "RGBA"}
# Tags of TIFF files and of EXIF data.
_SUBFILE_TYPE, _BITS, _ORIENTATION, _SAMPLES, _PLANAR = 254, 258, 274, 277, 284
_SAMPLE_FORMAT, _DNG_VERSION = 339, 50706


def is_image(path: Path) -> bool:
    """Return whether a file is an image by its content, of a kind that is read here or not.

    Raises:
        ImageError: it cannot be read at all.
    """
    with _regular(path) as handle:
        head = handle.read(_HEAD)
    return _name_in(_READ, head) != "" or _name_in(_NOT_READ, head) != ""


@contextmanager
def opened(path: Path, *, whole: bool = False) -> Iterator[Image]:
    """Yield an image file of a kind that can be read exactly; the pixels are not decoded yet.

    Whatever a decoder raises, here or inside the block, becomes an `ImageError`: decoders answer
    a damaged file with exceptions of any kind.

    Args:
        path: the file.
        whole: look for damage that decoders pass over, which takes reading all of the file.

    Raises:
        ImageError: the file is missing, damaged, of another kind, or too large to be safe.
    """
    from PIL import UnidentifiedImageError
    from PIL.Image import DecompressionBombError

    try:
        with warnings.catch_warnings(), _regular(path) as handle:
            warnings.simplefilter("ignore")  # what is damaged raises, with a better message
            head = handle.read(_HEAD)
            kind = _kind_of(head, path)
            if whole and kind == "PNG":
                _check_chunks(handle)
            with _pillow(handle, kind) as image:
                _check(image, kind, head, path)
                yield image
    except ImageError:
        raise
    except DecompressionBombError as error:
        raise _too_large(path, first_line(error)) from None
    except UnidentifiedImageError:
        raise ImageError(f"{show(path)} cannot be read: its header is damaged.", _AGAIN) from None
    except MemoryError:
        raise ImageError(f"{show(path)} does not fit in memory.", "Crop it into tiles.") from None
    except Exception as error:
        raise ImageError(f"{show(path)} cannot be read: {first_line(error)}", _AGAIN) from None


def plain_png(path: Path) -> tuple[int, int] | None:
    """Return (height, width) of a PNG whose first 41 bytes say all that its header can say.

    That is 8-bit grey or RGB, and pixels at once behind the size: a tenth of what Pillow takes.
    None, where that is not so: `opened` says what the file is, or what is wrong with it.

    Raises:
        ImageError: as `opened`, of a file that is missing or cannot be read.
    """
    with _regular(path) as handle:
        found = _PLAIN_PNG.match(handle.read(41))
    if not found:
        return None
    header, crc = found.groups()
    width, height = struct.unpack(">II", header[4:12])
    sound = zlib.crc32(header) == int.from_bytes(crc, "big")
    return (height, width) if sound and 0 < width * height <= MAX_PIXELS else None


def orientation(image: Image) -> int:
    """Return the EXIF orientation of an opened image; 1, upright, where none can be read."""
    from PIL.Image import Exif

    exif = Exif()
    try:
        if image.format == "TIFF":
            return next(iter(_tag(image, _ORIENTATION)), 1)
        exif.load(image.info.get("exif", b""))
        return int(exif.get(_ORIENTATION, 1))
    except Exception:  # of damaged EXIF data: no program turns an image by them
        return 1


@contextmanager
def _regular(path: Path) -> Iterator[IO[bytes]]:
    """Open what is a file indeed: a pipe would block, and a device never end."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            what = "a folder" if stat.S_ISDIR(mode) else "a pipe, socket or device"
            raise ImageError(f"{show(path)} is {what}, not a file.", "Move it away.")
        handle = path.open("rb")
    except FileNotFoundError:
        if path.is_symlink():
            raise ImageError(f"{show(path)} is a link to nothing.", "Mend or remove it.") from None
        raise ImageError(f"No such image: {show(path)}") from None
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or first_line(error)
        raise ImageError(
            f"{show(path)} cannot be read: {cause}.", "Look at its name and permissions."
        ) from None
    with handle:
        yield handle


def _kind_of(head: bytes, path: Path) -> str:
    kind = _name_in(_READ, head)
    if kind:
        return kind
    readable = f"{', '.join(list(_READ)[:-1])} or {list(_READ)[-1]}"
    other = _name_in(_NOT_READ, head)
    if other:
        raise ImageError(f"{show(path)} cannot be read: it is {other}, not {readable}.", _AS_PNG)
    for what, (pattern, remedy) in _IN_ITS_PLACE.items():
        if re.match(pattern, head, re.DOTALL):
            raise ImageError(f"{show(path)} cannot be read: it is {what}.", remedy)
    raise ImageError(f"{show(path)} cannot be read: by its content it is no {readable}.", _AGAIN)


def _name_in(patterns: dict[str, bytes], head: bytes) -> str:
    return next((name for name, p in patterns.items() if re.match(p, head, re.DOTALL)), "")


def _pillow(handle: IO[bytes], kind: str) -> Image:
    from PIL import Image, ImageFile

    # A global of Pillow that other libraries set (pyiqa does): half an image would become grey.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    handle.seek(0)
    return Image.open(handle, formats=[kind.upper()])


def _check(image: Image, kind: str, head: bytes, path: Path) -> None:
    """Refuse by the header what cannot be read exactly.

    Raises:
        ImageError: that is so.
    """
    if image.width * image.height > MAX_PIXELS:
        raise _too_large(path, f"{image.width}x{image.height} pixels")
    if getattr(image, "n_frames", 1) > 1:
        raise ImageError(f"{show(path)} holds several frames.", "Save the frame that you mean.")
    depth = _depth(image, kind, head)
    if depth:
        raise ImageError(f"{show(path)} is not 8-bit ({depth}).", _ROUNDING)
    if kind == "TIFF":
        _check_tiff(image, head, path)
    if image.mode not in _MODES:
        raise ImageError(
            f"{show(path)} has colour mode {image.mode}; RGB is needed.",
            "Convert it to RGB with the colour profile that it was made for.",
        )


def _too_large(path: Path, how: str) -> ImageError:
    return ImageError(
        f"{show(path)} is too large to decode safely: {how}.", "Crop it, or split it into tiles."
    )


def _depth(image: Image, kind: str, head: bytes) -> str:
    """Return what is deeper than 8 bits, or nothing. Pillow opens 16-bit colours as mode RGB."""
    if kind == "PNG" and head[24] > 8:  # of IHDR, which is the first chunk of every PNG
        return f"{head[24]} bits a sample"
    if kind == "TIFF":
        bits = _tag(image, _BITS)
        formats = _tag(image, _SAMPLE_FORMAT)
        if max(bits, default=1) > 8:
            return f"{max(bits)} bits a sample"
        if any(sample not in (1, 4) for sample in formats):  # neither unsigned nor unspecified
            return "signed or floating-point samples"
    return f"mode {image.mode}" if image.mode in _DEEP_MODES else ""


def _check_tiff(image: Image, head: bytes, path: Path) -> None:
    """Refuse what Pillow would read in part: previews of raw files, missing strips, more channels.

    Raises:
        ImageError: it is such a file.
    """
    preview = any(value & 1 for value in _tag(image, _SUBFILE_TYPE))
    if preview or _tag(image, _DNG_VERSION) or head[8:10] == b"CR":
        raise ImageError(f"{show(path)} is a camera's raw file or a preview.", _AS_PNG)
    covered = sum((x1 - x0) * (y1 - y0) for _, (x0, y0, x1, y1), *_ in _tiles(image))
    planes = len(image.getbands()) if _tag(image, _PLANAR) == (2,) else 1
    if covered < planes * image.width * image.height:
        raise ImageError(f"{show(path)} cannot be read: parts of the image are missing.", _AGAIN)
    samples = max(_tag(image, _SAMPLES), default=1)
    if samples > len(image.getbands()):
        raise ImageError(
            f"{show(path)} has {samples} channels, of which {image.mode} leaves some out.", _AS_PNG
        )


def _tiles(image: Image) -> Any:
    return image.tile  # type: ignore[attr-defined]  # of an image that comes from a file


def _tag(image: Image, number: int) -> tuple[int, ...]:
    value = image.tag_v2.get(number, ())  # type: ignore[attr-defined]  # of a TIFF
    return tuple(value) if isinstance(value, tuple | bytes) else (int(value),)


def _check_chunks(handle: IO[bytes]) -> None:
    """Compare the check sums of a PNG's critical chunks, as libpng does and Pillow does not."""
    size = handle.seek(0, os.SEEK_END)
    place, kind = 8, b""
    while kind != b"IEND":
        handle.seek(place)
        if place + 12 > size:
            raise EOFError("the file is truncated")
        length, kind = struct.unpack(">I4s", handle.read(8))
        place += length + 12
        if place > size:
            raise EOFError("the file is truncated")
        if kind[:1].isupper():  # critical
            computed = zlib.crc32(handle.read(length), zlib.crc32(kind))
            if computed != int.from_bytes(handle.read(4), "big"):
                raise ValueError(f"the check sum of its {kind.decode('latin-1')} part is wrong")
