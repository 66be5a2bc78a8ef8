"""Images of two folders, paired by name, never by order, and every fault found at once.

Names may differ in an ending that all names of a folder share, as those of the field's own data
sets do: `0801x4` and `0801`, `Canon_001_LR4` and `Canon_001_HR`. A form in the path says any other
rule: `results/{}_out.png`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.api.errors import DataError
from benchmarks.api.folders import NO_IMAGE, ImageFolder, common_endings, look, says_role
from benchmarks.api.names import nearest
from benchmarks.api.text import show

_NAMED = 3  # problems that a message names; near names are looked for as often: it takes time
_BY_NAME = (
    "Images are paired by file name, without the suffix: rename, add or remove files, or say how "
    "they are named: 'SR/{}_out.png', 'HR/{}.png'."
)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one or two folders of images."""

    file: str  # "hr/x.png"; empty where a whole folder is concerned
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.what}" if self.file else self.what


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One image to score."""

    image: str  # its id, which is the published name where there is one
    sr: Path
    hr: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """The images to score."""

    pairs: tuple[Pair, ...]  # sorted by image
    notes: tuple[str, ...]  # how they were paired, and what the folders hold that is not used


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """The images of one or two folders."""

    images: Mapping[str, Mapping[str, Path]]  # id -> folder -> file, sorted by id
    problems: list[Problem]  # with the names
    notes: tuple[str, ...]  # how names were paired that are not equal


def match(folders: Mapping[str, ImageFolder], *, subset: bool = False) -> Matched:
    """Return the images by id and folder, and all that is wrong with the names.

    Args:
        folders: one or two, by what they are called in messages ("lr", "hr"). The images of the
            first are those that count; ids are their names.
        subset: whether the second may hold images that the first lacks.
    """
    problems: list[Problem] = []
    found: dict[str, dict[str, Path]] = {}
    for name, folder in folders.items():
        found[name], taken = folder.by_id()
        for file, first in taken:
            problems.append(Problem(f"{name}/{file.name}", f"has the name of {first.name}"))
    first_name, *rest = found
    notes = []
    for other in rest:
        endings = _endings(found[first_name], found[other])
        if endings:
            mine, theirs = endings
            found[other] = {
                name.removesuffix(theirs) + mine: file for name, file in found[other].items()
            }
            example = next((name for name in found[first_name] if name in found[other]), "")
            notes.append(
                f"{first_name}/{found[first_name][example].name} is paired with "
                f"{other}/{found[other][example].name}, and the others alike"
            )
        problems += _alone(first_name, found[first_name], other, found[other])
        if not subset:
            problems += _alone(other, found[other], first_name, found[first_name])
    matched = {
        image: {name: files[image] for name, files in found.items() if image in files}
        for image in sorted(found[first_name])
    }
    return Matched(images=matched, problems=problems, notes=tuple(notes))


def _endings(names: Collection[str], others: Collection[str]) -> tuple[str, str] | None:
    """Return the endings without which names of two folders are equal, if there is one way.

    Each is shared by all names of its folder. At least one is none, or says what the images are.
    None too where any name is in both folders.
    """
    if not names or not others or not set(names).isdisjoint(others):
        return None
    found: dict[frozenset[tuple[str, str]], tuple[str, str]] = {}
    for mine in common_endings(names):
        cores = {name.removesuffix(mine) for name in names}
        for theirs in common_endings(others):
            if not (says_role(mine) or says_role(theirs)):
                continue
            shared = cores.intersection(name.removesuffix(theirs) for name in others)
            if 2 * len(shared) > min(len(names), len(others)):
                pairs = frozenset((core + mine, core + theirs) for core in shared)
                found.setdefault(pairs, (mine, theirs))
    return next(iter(found.values())) if len(found) == 1 else None


def _alone(
    name: str, files: Mapping[str, Path], other: str, partners: Collection[str]
) -> list[Problem]:
    images = sorted(files.keys() - set(partners))
    what = f"has no {other.upper()} image of its name"
    return [
        Problem(f"{name}/{files[image].name}", what + hint)
        for image, hint in zip(images, _hints(images, partners), strict=True)
    ]


def _hints(unknown: Sequence[str], known: Collection[str]) -> list[str]:
    """Return the nearest known name of each unknown one, as far as somebody will read it."""
    hints = []
    for name in unknown[:_NAMED]:
        alike = (other for other in known if other.casefold() == name.casefold())
        near = next(alike, "") or nearest(name, known)
        hints.append(_hint(name, near) if near else "")
    return hints + [""] * (len(unknown) - len(hints))


def _hint(name: str, near: str) -> str:
    if name.isascii() and near.isascii():
        return f" (nearest name: '{near}')"
    return f" (nearest name: {near!a}, not {name!a})"  # letters that look alike are told apart


def pair(
    sr_folder: Path,
    hr_folder: Path | None,
    published: Collection[str] | None = None,
    *,
    subset: bool = False,
) -> Pairs:
    """Return the images to score.

    Args:
        sr_folder: the images to score.
        hr_folder: their references; None where no metric needs them.
        published: the images that have published scores; None where none are compared with.
        subset: whether `sr_folder` may lack some of these, and `hr_folder` hold others.

    Raises:
        DataError: names are missing, unknown or ambiguous in one of the folders.
    """
    folders = {"sr": look(sr_folder)}
    if not folders["sr"].files:
        raise DataError(f"No images in {show(sr_folder)}.", "; ".join(unused_notes(folders)))
    if hr_folder:
        folders["hr"] = look(hr_folder)
    matched = match(folders, subset=subset)
    problems = matched.problems
    if published is not None:
        problems += _published_problems(matched.images, published, subset=subset)
    if problems:
        where = ", ".join(f"{name} = {show(folder.path)}" for name, folder in folders.items())
        raise DataError(f"The images do not pair ({where}): {some(problems, '; ')}.", _BY_NAME)
    pairs = tuple(
        Pair(image=image, sr=files["sr"], hr=files.get("hr"))
        for image, files in matched.images.items()
    )
    return Pairs(pairs=pairs, notes=(*matched.notes, *unused_notes(folders)))


def _published_problems(
    matched: Mapping[str, Mapping[str, Path]], published: Collection[str], *, subset: bool
) -> list[Problem]:
    unknown = sorted(matched.keys() - set(published))
    problems = [
        Problem(f"sr/{matched[image]['sr'].name}", f"has no published score{hint}")
        for image, hint in zip(unknown, _hints(unknown, published), strict=True)
    ]
    missing = sorted(set(published).difference(matched))
    if missing and not subset:
        count = f"{len(missing)} of {len(published)} published images are missing"
        what = f"{count}: {some(missing)} (with --subset, only what is there is compared)"
        problems.append(Problem("", what))
    return problems


def some(items: Sequence[object], separator: str = ", ") -> str:
    """Return the first few of a list, and how many more there are."""
    more = f" and {len(items) - _NAMED} more" if len(items) > _NAMED else ""
    return separator.join(str(item) for item in items[:_NAMED]) + more


def unused_notes(folders: Mapping[str, ImageFolder]) -> tuple[str, ...]:
    """Return what lies in folders and is not used: one line for each folder that holds such."""
    notes = []
    for name, folder in folders.items():
        named = [
            file if what == NO_IMAGE else f"{file} ({what})" for file, what in folder.unused.items()
        ]
        if named:
            verb = "entry is" if len(named) == 1 else "entries are"
            notes.append(f"{len(named)} {verb} not used in {name}/: {some(named)}")
    return tuple(notes)
