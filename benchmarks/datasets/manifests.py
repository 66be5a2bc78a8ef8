"""Manifests: one row per image file, with the hashes that say whether it is itself.

A file passes by the hash of its bytes or, where it was encoded again without loss, by the hash of
its pixels. The hashes of published sets are facts that ship with the package; a set that is made
here has its manifest beside its images.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass, fields
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.api.errors import DataError, ImageError
from benchmarks.api.images import read_rgb, sha256_file, sha256_pixels, show

if TYPE_CHECKING:
    from benchmarks.api.dataset import DatasetCard, Side

FILE_NAME = "manifest.csv"  # beside the images of a set that is made here


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """What is known of one image file."""

    side: Side
    name: str  # file name
    sha256: str  # of the file; empty where only the pixels count
    sha256_pixels: str  # `benchmarks.api.images.sha256_pixels`
    height: int
    width: int

    def matches(self, path: Path, sha256: Callable[[Path], str]) -> bool:
        """Return whether the file at `path` is this one, or holds the same pixels.

        Raises:
            ImageError: it cannot be read.
        """
        if self.sha256 and sha256(path) == self.sha256:
            return True
        return sha256_pixels(read_rgb(path)) == self.sha256_pixels

    def is_at(self, path: Path) -> bool:
        """Return whether `path` is a file, readable, and this one."""
        try:
            return path.is_file() and self.matches(path, sha256_file)
        except ImageError:
            return False


_COLUMNS = tuple(field.name for field in fields(ManifestRow))

Manifest = tuple[ManifestRow, ...]


def of_card(card: DatasetCard, root: Path) -> Manifest | None:
    """Return the manifest of a set, or None where no official one is known.

    Raises:
        DataError: the set is made here and its making has not come to an end.
    """
    if card.manifest:
        package, _, path = card.manifest.partition(":")
        return parse(resources.files(package).joinpath(path).read_text("utf-8"), card.manifest)
    if card.kind != "made":
        return None
    place = root / FILE_NAME
    try:
        return parse(place.read_text("utf-8"), show(place))
    except FileNotFoundError:
        raise DataError(
            f"Data set '{card.id}' is not finished: {show(place)} is missing.",
            f"Run again: mfsr-bench datasets make {card.id} --hr DIR",
        ) from None


def parse(text: str, where: str) -> Manifest:
    """Return the rows of a manifest.

    Raises:
        DataError: it is not a manifest.
    """
    reader = csv.reader(io.StringIO(text))
    if tuple(next(reader, ())) != _COLUMNS:
        raise DataError(f"{where} is not a manifest: its columns are not {', '.join(_COLUMNS)}.")
    try:
        return tuple(
            ManifestRow(_side(side), name, sha256, pixels, int(height), int(width))
            for side, name, sha256, pixels, height, width in reader
        )
    except ValueError as error:
        raise DataError(f"{where} line {reader.line_num}: {error}.") from None


def _side(text: str) -> Side:
    if text == "lr":
        return "lr"
    if text == "hr":
        return "hr"
    raise ValueError(f"side {text!r} is neither lr nor hr")


def render(rows: Iterable[ManifestRow]) -> bytes:
    """Return a manifest as CSV, its rows sorted."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(sorted(astuple(row) for row in rows))
    return buffer.getvalue().encode()
