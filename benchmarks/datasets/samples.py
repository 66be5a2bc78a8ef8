"""The samples of a set's folders, what is wrong with them, and what is worth knowing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.api.dataset import Sample
from benchmarks.api.errors import ImageError
from benchmarks.api.folders import look
from benchmarks.api.images import Header, read_header
from benchmarks.pairing import Problem, match, some, unused_notes

if TYPE_CHECKING:
    from benchmarks.datasets.places import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What lies in the folders of a set."""

    samples: tuple[Sample, ...]  # sorted by id
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]  # how names were paired, what is not used, what is ignored in files


def contents_of(place: Place) -> Contents:
    """Look at names, counts and headers of a set; no image is decoded.

    Raises:
        DataError: a folder is missing or cannot be listed, or a name cannot be an id.
    """
    folders = {"lr": look(place.lr)} | ({"hr": look(place.hr)} if place.hr else {})
    matched = match(folders)
    problems = matched.problems
    if place.card.n and len(matched.images) != place.card.n:
        problems.append(Problem("", f"{len(matched.images)} LR images where {place.card.n} belong"))
    samples = tuple(
        Sample(id=image, lr=files["lr"], hr=files.get("hr"))
        for image, files in matched.images.items()
    )
    headers: dict[str, dict[Path, Header]] = {name: {} for name in folders}
    for sample in samples:
        problems += _header_problems(sample, place, headers)
    notes = (*matched.notes, *unused_notes(folders))
    for name, of_side in headers.items():
        notes += _header_notes(name, of_side)
    return Contents(samples=samples, problems=tuple(sorted(problems, key=str)), notes=tuple(notes))


def _header_problems(
    sample: Sample, place: Place, headers: Mapping[str, dict[Path, Header]]
) -> list[Problem]:
    """Read the headers of a sample into `headers`, and compare the sizes."""
    sizes = []
    for side, path in (("lr", sample.lr), ("hr", sample.hr)):
        if path is None:
            continue
        try:
            header = headers[side][path] = read_header(path)
        except ImageError as error:
            return [Problem(f"{side}/{path.name}", error.cause)]
        sizes.append((header.height, header.width))
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


def _header_notes(side: str, headers: Mapping[Path, Header]) -> tuple[str, ...]:
    """Return what files say of their colours and of which way is up, which is not followed."""
    of_all = f"of {len(headers)} files in {side}/"
    notes = []
    profiles = sorted({header.profile for header in headers.values() if header.profile})
    if profiles:
        count = sum(bool(header.profile) for header in headers.values())
        verb = "carries" if count == 1 else "carry"
        notes.append(
            f"{count} {of_all} {verb} another colour profile than sRGB ({some(profiles)}): "
            "the stored values are used as they are"
        )
    turned = [path.name for path, header in headers.items() if header.orientation not in (0, 1)]
    if turned:
        verb = "is" if len(turned) == 1 else "are"
        notes.append(
            f"{len(turned)} {of_all} {verb} to be shown turned, by the EXIF orientation "
            f"({some(turned)}): the pixels are used as they are stored"
        )
    return tuple(notes)
