"""What lies in a folder of images: the images by name, and all else by the reason it is not used.

An image's id is its file name without the suffix, composed as Unicode's NFC: macOS stores `é` as
two characters, other systems as one, and both mean the same image. Where the last part of a path
holds `{}` (`results/{}_out.png`), it says how files are named, and `{}` stands for the id.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.api.errors import DataError, ImageError, UsageError
from benchmarks.api.image_files import SUFFIXES, is_image
from benchmarks.api.text import show

NO_IMAGE = "no image"
ID = "{}"
# An ending that says what an image is, not which one: x4, _x1, _LR4, _HR.
_ROLE = re.compile(r"x\d+|([_. -](x\d+|[lh][rq](x?\d+)?|gt|srx?\d*|ref|reference))+", re.IGNORECASE)
_ENDING = re.compile(r"(?=[_. -]|[xX]\d)(?=.*[^\W\d_])")  # where one may begin: it holds a letter
# What systems leave in folders by themselves. Names that begin with a dot are passed over as well.
_QUIET = {"thumbs.db", "desktop.ini", "__macosx", "@eadir"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFolder:
    """A folder, looked at once."""

    path: Path
    files: tuple[Path, ...]  # all that is meant as an image, sorted; it may yet be unreadable
    unused: Mapping[str, str]  # name of each other entry -> what it is
    form: str = ID  # of the names, without the suffix

    def by_id(self) -> tuple[dict[str, Path], tuple[tuple[Path, Path], ...]]:
        """Return the images by id, and the files whose id is taken, each with the one that has it.

        Two files have one id if their names differ in the suffix alone, or in how Unicode writes
        them.
        """
        found: dict[str, Path] = {}
        taken = []
        for file in self.files:
            first = found.setdefault(_id_in(file, self.form), file)
            if first is not file:
                taken.append((file, first))
        return found, tuple(taken)


def image_id(path: Path) -> str:
    """Return the id of an image file."""
    return unicodedata.normalize("NFC", path.stem)


def common_endings(names: Collection[str]) -> list[str]:
    """Return the endings that all names share and that may be left out, the shortest first.

    >>> common_endings(["Canon_001_LR4", "Nikon_001_LR4"]), common_endings(["0801x4", "0802x4"])
    (['', '_LR4', '_001_LR4'], ['', 'x4'])
    """
    first, *rest = sorted(names, key=len)
    found = [first[place.start() :] for place in _ENDING.finditer(first) if place.start()]
    return ["", *reversed([one for one in found if all(name.endswith(one) for name in rest)])]


def says_role(ending: str) -> bool:
    """Return whether an ending of a name says what an image is, or is none: `x4`, `_LR4`, `_HR`."""
    return not ending or bool(_ROLE.fullmatch(ending))


def partner(image: str, names: Collection[str]) -> str:
    """Return the one name that differs from an image's in endings that all names share, or "".

    What the image's own ending says may be left out where no name says it.

    >>> partner("0801x4", ["0801_out", "0802_out"]), partner("0801", ["0802_out"])
    ('0801_out', '')
    """
    own = [one for one in common_endings([image]) if says_role(one)]
    cores = {
        image.removesuffix(one)
        for one in own
        if not one or not any(name.endswith(one) for name in names)
    }
    found = {
        name
        for ending in (common_endings(names) if names else ())
        for name in names
        if name.removesuffix(ending) in cores
    }
    return found.pop() if len(found) == 1 else ""


def folder_of(path: Path) -> Path:
    """Return the folder that a path means, which may end in a form of names."""
    return path.parent if ID in path.name and not path.is_dir() else path


def look(folder: Path) -> ImageFolder:
    """Look at what lies directly inside a folder; `folder/{}_out.png` is what is named so there.

    A file is meant as an image if its suffix or its content says so.

    Raises:
        UsageError: a form of names holds `{}` twice.
        DataError: the folder is missing or cannot be listed, or a name is not usable as an id.
    """
    place = folder_of(folder)
    form, suffix = (ID, "") if place == folder else _form(folder.name)
    try:
        with os.scandir(place) as listed:
            entries = sorted((entry.name, _is_folder(entry)) for entry in listed)
    except FileNotFoundError:
        raise DataError(f"No such folder: {show(place)}") from None
    except OSError as error:
        raise DataError(f"Cannot list {show(place)}: {error.strerror or error}.") from None
    files, unused = [], {}
    for name, is_folder in entries:
        if name.startswith(".") or name.casefold() in _QUIET:
            continue
        entry = place / name
        other = "a folder" if is_folder else _other(entry)
        if not other and not _is_named(entry, form, suffix):
            other = f"not named {form}{suffix}"
        if other:
            unused[show(Path(entry.name))] = other
        else:
            _check_name(entry)
            files.append(entry)
    return ImageFolder(path=folder, files=tuple(files), unused=unused, form=form)


def _form(name: str) -> tuple[str, str]:
    """Return the form of names without the suffix, and the suffix, where it is an image's.

    >>> _form("{}x4.png"), _form("LR_{}"), _form("{}_v1.5")
    (('{}x4', '.png'), ('LR_{}', ''), ('{}_v1.5', ''))
    """
    if name.count(ID) > 1:
        raise UsageError(f"'{name}' holds {ID} twice.", f"Use it once, for the name: {ID}_out.png")
    suffix = Path(name).suffix
    suffix = suffix if suffix.lower() in SUFFIXES else ""
    return name.removesuffix(suffix), suffix


def _is_named(file: Path, form: str, suffix: str) -> bool:
    before, after = unicodedata.normalize("NFC", form).split(ID)
    name = image_id(file)
    return (
        len(name) > len(before) + len(after)
        and name.startswith(before)
        and name.endswith(after)
        and (not suffix or file.suffix.lower() == suffix.lower())
    )


def _id_in(file: Path, form: str) -> str:
    before, after = unicodedata.normalize("NFC", form).split(ID)
    return image_id(file).removeprefix(before).removesuffix(after)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link around in a circle
        return False


def _other(entry: Path) -> str:
    """Return what a file is, if it is not meant as an image."""
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
