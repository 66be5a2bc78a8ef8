"""What lies in a folder of images: the images by name, and all else by the reason it is not used.

An image's id is its file name without the suffix, composed as Unicode's NFC: macOS stores `é` as
two characters, other systems as one, and both mean the same image.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.api.errors import DataError, ImageError
from benchmarks.api.image_files import SUFFIXES, is_image
from benchmarks.api.text import show

NO_IMAGE = "no image"
# What systems leave in folders by themselves. Names that begin with a dot are passed over as well.
_QUIET = {"thumbs.db", "desktop.ini", "__macosx", "@eadir"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFolder:
    """A folder, looked at once."""

    path: Path
    files: tuple[Path, ...]  # all that is meant as an image, sorted; it may yet be unreadable
    unused: Mapping[str, str]  # name of each other entry -> what it is

    def by_id(self) -> tuple[dict[str, Path], tuple[tuple[Path, Path], ...]]:
        """Return the images by id, and the files whose id is taken, each with the one that has it.

        Two files have one id if their names differ in the suffix alone, or in how Unicode writes
        them.
        """
        found: dict[str, Path] = {}
        taken = []
        for file in self.files:
            first = found.setdefault(image_id(file), file)
            if first is not file:
                taken.append((file, first))
        return found, tuple(taken)


def image_id(path: Path) -> str:
    """Return the id of an image file."""
    return unicodedata.normalize("NFC", path.stem)


def look(folder: Path) -> ImageFolder:
    """Look at what lies directly inside a folder.

    A file is meant as an image if its suffix or its content says so.

    Raises:
        DataError: the folder is missing or cannot be listed, or a name is not usable as an id.
    """
    try:
        entries = sorted(folder.iterdir())
    except FileNotFoundError:
        raise DataError(f"No such folder: {show(folder)}") from None
    except OSError as error:
        raise DataError(f"Cannot list {show(folder)}: {error.strerror or error}.") from None
    files, unused = [], {}
    for entry in entries:
        if entry.name.startswith(".") or entry.name.casefold() in _QUIET:
            continue
        other = _other(entry)
        if other:
            unused[show(Path(entry.name))] = other
        else:
            _check_name(entry)
            files.append(entry)
    return ImageFolder(path=folder, files=tuple(files), unused=unused)


def _other(entry: Path) -> str:
    """Return what an entry is, if it is not meant as an image."""
    if entry.is_dir():
        return "a folder"
    if entry.suffix.lower() in SUFFIXES:
        return ""  # also what cannot be read: a broken link, a pipe
    try:
        return "" if is_image(entry) else NO_IMAGE
    except ImageError as error:
        return error.cause.removeprefix(f"{show(entry)} ").removeprefix("is ").rstrip(".")


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
