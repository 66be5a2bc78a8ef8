"""Samples out of folders: paired by name, never by order, and every fault found at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.api.dataset import Sample
from benchmarks.api.errors import ImageError
from benchmarks.api.images import images_in, read_size

if TYPE_CHECKING:
    from benchmarks.datasets.places import Place


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a data set."""

    file: str  # "hr/x.png"; empty where the whole set is concerned
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.what}" if self.file else self.what


def pair(place: Place) -> tuple[tuple[Sample, ...], tuple[Problem, ...]]:
    """Return the samples of a set, sorted by id, and all that is wrong with its files.

    Names, counts and the sizes in the headers are looked at; no image is decoded.

    Raises:
        DataError: a folder is missing or cannot be listed, or a name cannot be an id.
    """
    problems: list[Problem] = []
    lr = _by_stem("lr", images_in(place.lr), problems)
    hr = _by_stem("hr", images_in(place.hr), problems) if place.hr else {}
    if place.hr:
        for stem in lr.keys() - hr.keys():
            problems.append(Problem(f"lr/{lr[stem].name}", "has no HR image of its name"))
        for stem in hr.keys() - lr.keys():
            problems.append(Problem(f"hr/{hr[stem].name}", "has no LR image of its name"))
    if place.card.n and len(lr) != place.card.n:
        problems.append(Problem("", f"{len(lr)} LR images where {place.card.n} belong"))
    samples = tuple(Sample(id=stem, lr=lr[stem], hr=hr.get(stem)) for stem in sorted(lr))
    for sample in samples:
        problems += _size_problems(sample, place)
    return samples, tuple(sorted(problems, key=str))


def _by_stem(side: str, files: Iterable[Path], problems: list[Problem]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for file in files:
        first = found.setdefault(file.stem, file)
        if first is not file:
            problems.append(Problem(f"{side}/{file.name}", f"has the name of {first.name}"))
    return found


def _size_problems(sample: Sample, place: Place) -> list[Problem]:
    sizes = []
    for side, path in (("lr", sample.lr), ("hr", sample.hr)):
        if path is None:
            continue
        try:
            sizes.append(read_size(path))
        except ImageError as error:
            return [Problem(f"{side}/{path.name}", error.cause)]
    card, lr_size = place.card, sizes[0]
    if card.lr_size and lr_size != card.lr_size:
        return [Problem(f"lr/{sample.lr.name}", f"is {_text(lr_size)}, not {_text(card.lr_size)}")]
    expected = (card.scale * lr_size[0], card.scale * lr_size[1])
    if sample.hr and sizes[1] != expected:
        what = f"is {_text(sizes[1])}, not {_text(expected)}, {card.scale} times its LR image"
        return [Problem(f"hr/{sample.hr.name}", what)]
    return []


def _text(size: tuple[int, int]) -> str:
    return f"{size[1]}x{size[0]}"
