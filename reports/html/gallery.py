"""The images of a page: every file under a name that no browser, shell or file system minds."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.api.errors import DataError, ResourceError
from benchmarks.api.images import read_header, read_rgb, show, write_atomic, write_png
from benchmarks.results.directory import slug

if TYPE_CHECKING:
    from reports.pictures import Picture, Pictures

THUMBNAIL = 160  # pixels of the longer side: twice what is shown, for dense screens
_LONGEST = 60  # characters of a file name

Put = Callable[[Path, Path], None]
Progress = Callable[[int, int], None]


def stems(images: Iterable[str]) -> dict[str, str]:
    """Return image id -> file name without suffix: plain ASCII, and different ignoring case.

    >>> stems(["a b", "a-b", "A?b", "<script>", "日本"])
    {'a b': 'a-b', 'a-b': 'a-b-2', 'A?b': 'A-b-3', '<script>': 'script', '日本': 'image'}
    """
    found: dict[str, str] = {}
    counts: dict[str, int] = {}
    used: set[str] = set()
    for image in images:
        stem = re.sub("-+", "-", slug(image))[:_LONGEST].strip("-.") or "image"
        name = stem
        while name.casefold() in used:
            counts[stem] = counts.get(stem, 1) + 1
            name = f"{stem}-{counts[stem]}"
        used.add(name.casefold())
        found[image] = name
    return found


def fill(
    pictures: Pictures,
    names: Mapping[str, Mapping[str, str]],
    folder: Path,
    *,
    link: bool | None,
    progress: Progress,
) -> None:
    """Put all images of a page and their thumbnails into its folder.

    These are `results/<method>/<data set>/`, `lr/<data set>/`, `hr/<data set>/` and
    `thumbs/<data set>/`. A file that is there already and is the same is left alone.

    Args:
        pictures: the images.
        names: data set -> image -> file name without suffix.
        folder: of the page.
        link: make hard links instead of copies, where a file needs no change; None: where the file
            system can.
        progress: called with (files done, files in all).

    Raises:
        DataError: an image is missing or unreadable.
        ResourceError: the disk is full, or cannot hold links to these images.
    """
    put = _link_or_copy if link is None else _link if link else _copy
    tasks = [
        task
        for dataset, every in pictures.of.items()
        for picture in every
        for task in _tasks(picture, names[dataset][picture.image], folder, put)
    ]
    with ThreadPoolExecutor(os.cpu_count()) as executor:
        for done, _ in enumerate(executor.map(lambda task: task(), tasks), start=1):
            progress(done, len(tasks))


def _tasks(picture: Picture, name: str, folder: Path, put: Put) -> Iterator[Callable[[], None]]:
    place = f"{picture.dataset}/{name}"
    for method, file in picture.results.items():
        yield partial(_result, file, folder / "results" / slug(method) / f"{place}.png", put)
    for side, original in (("lr", picture.lr), ("hr", picture.hr)):
        if original:
            yield partial(_original, original, folder / side / f"{place}.png", put)
    seen = picture.hr or next(iter(picture.results.values()), None) or picture.lr
    if seen:
        yield partial(_thumbnail, seen, folder / "thumbs" / f"{place}.jpg")


def _result(source: Path, target: Path, put: Put) -> None:
    """Put a result, if it is an image: a stranger's run may hold links to anything."""
    _require(source)
    read_header(source)
    put(source, target)


def _original(source: Path, target: Path, put: Put) -> None:
    """Put an LR or HR image as the PNG that shows the pixels every method was given."""
    if read_header(source).as_stored:
        put(source, target)
    elif not _is_newer(target, source):
        write_png(target, read_rgb(source))


def _thumbnail(source: Path, target: Path) -> None:
    from PIL import Image

    if _is_newer(target, source):
        return
    image = Image.fromarray(read_rgb(source))
    image.thumbnail((THUMBNAIL, THUMBNAIL))
    content = BytesIO()
    image.save(content, "JPEG", quality=82)
    write_atomic(target, content.getvalue())


def _copy(source: Path, target: Path) -> None:
    if _is_same(source, target):
        return
    _require(source)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)  # it may be a link to a file of the run
        shutil.copy2(source, target)
    except OSError as error:
        raise ResourceError(f"Cannot write {show(target)}: {error.strerror or error}.") from None


def _link(source: Path, target: Path) -> None:
    _require(source)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.hardlink_to(source.resolve())
    except OSError as error:
        raise ResourceError(
            f"Cannot link {show(target)}: {error.strerror or error}.",
            "Links need the run and the page on one file system: use --copy.",
        ) from None


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        _link(source, target)
    except ResourceError:
        _copy(source, target)


def _require(source: Path) -> None:
    if not source.is_file():
        raise DataError(
            f"A recorded image is missing: {show(source)}", "Restore it: repeat the run's command."
        )


def _is_same(source: Path, target: Path) -> bool:
    try:
        a, b = source.stat(), target.stat()
    except OSError:
        return False
    return (a.st_size, a.st_mtime_ns) == (b.st_size, b.st_mtime_ns) and a.st_ino != b.st_ino


def _is_newer(target: Path, source: Path) -> bool:
    try:
        return target.stat().st_mtime_ns >= source.stat().st_mtime_ns
    except OSError:
        return False
