"""What a model was made from: data and weights by their content, beside the recipe.

A training run keeps its `Origin` in `origin.json`, a trained model in its `model.json`.
"""

from __future__ import annotations

import hashlib
from dataclasses import field, fields
from typing import TYPE_CHECKING

from pydantic.dataclasses import dataclass

from benchmarks.api.documents import STRICT
from benchmarks.api.errors import DataError, WeightsMissingError
from benchmarks.api.images import sha256_file, show

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_END = 4096  # bytes read at either end of a file of data
_WEIGHTS = ("*.json", "*.safetensors", "transformer/*", "vae/*", "text_encoder*/*")
_SHOWN = 12  # digits of a hash


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Files:
    """Files in the order in which a run takes them. Two are equal where the contents are."""

    folders: tuple[str, ...] = field(compare=False)  # names, for a reader
    count: int
    sha256: str

    def __str__(self) -> str:
        noun = "file" if self.count == 1 else "files"
        return f"{self.count} {noun} of {', '.join(self.folders)} (sha256 {self.sha256[:_SHOWN]})"


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Origin:
    """All that the numbers of a run depend on, beside its recipe."""

    data: Files
    captions: Files | None = None
    base: Files | None = None  # pretrained weights
    teacher: Files | None = None
    student: Files | None = None  # stage 3
    features: Files | None = None
    start: Files | None = None  # the model that a run goes on from
    processes: int = 1  # they share a step's samples

    def changed(self, now: Origin) -> str:
        """Return what is another now, with both; an empty text where nothing is."""
        for part in fields(self):
            before, after = getattr(self, part.name), getattr(now, part.name)
            if before != after:
                return f"{part.name}: {before or 'none'} then, {after or 'none'} now"
        return ""


def of_data(folders: Sequence[Path], paths: Iterable[Path]) -> Files:
    """Return the identity of many files, by order, name, size and both ends of each.

    Raises:
        DataError: a file cannot be read.
    """
    digest, count = hashlib.sha256(), 0
    for path in paths:
        try:
            with path.open("rb") as handle:
                head = handle.read(_END)
                size = handle.seek(0, 2)
                handle.seek(max(0, size - _END))
                ends = head + handle.read()
        except OSError as error:
            raise DataError(f"Cannot read {show(path)}: {error.strerror or error}.") from None
        _add(digest, path.name, str(size), hashlib.sha256(ends).hexdigest())
        count += 1
    return _files(folders, count, digest)


def of_weights(folder: Path) -> Files:
    """Return the identity of a folder of weights, by every byte.

    Raises:
        WeightsMissingError: no such folder, or nothing of that kind in it.
    """
    found = sorted({p for pattern in _WEIGHTS for p in folder.glob(pattern) if p.is_file()})
    if not found:
        raise WeightsMissingError(f"No weights in {show(folder)}.")
    digest = hashlib.sha256()
    for path in found:
        _add(digest, path.relative_to(folder).as_posix(), sha256_file(path))
    return _files([folder], len(found), digest)


def _add(digest: hashlib._Hash, *parts: str) -> None:
    digest.update("\n".join((*parts, "")).encode("utf-8", "surrogateescape"))


def _files(folders: Sequence[Path], count: int, digest: hashlib._Hash) -> Files:
    names = tuple(show(folder.resolve()).rpartition("/")[2] for folder in folders)
    return Files(folders=names, count=count, sha256=digest.hexdigest())
