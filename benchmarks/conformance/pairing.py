"""Which SR image belongs to which HR image and which published value: by name, never by order."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from benchmarks.api.errors import DataError
from benchmarks.api.images import images_in, show


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One image to score."""

    image: str  # the published name, without suffix
    sr: Path
    hr: Path | None = None


def pair(
    sr_folder: Path,
    hr_folder: Path | None,
    published: Collection[str] | None = None,
    *,
    subset: bool = False,
) -> tuple[Pair, ...]:
    """Return the images to score, sorted by name.

    Args:
        sr_folder: the images to score.
        hr_folder: their references; None where no metric needs them.
        published: the images that have published scores; None where none are compared with.
        subset: whether `sr_folder` may lack some of these, and `hr_folder` hold others.

    Raises:
        DataError: names are missing, unknown or ambiguous in one of the folders.
    """
    sr = _by_name(sr_folder)
    if not sr:
        raise DataError(f"No images in {show(sr_folder)}.")
    if published is not None:
        _check_known(sr, published, sr_folder, "a published score")
        if not subset:
            _check_all_there(sr, published, sr_folder)
    hr = _by_name(hr_folder) if hr_folder else {}
    if hr_folder:
        _check_known(sr, hr, sr_folder, f"a reference in {show(hr_folder)}")
        if not subset:
            _check_known(hr, sr, hr_folder, f"an SR image in {show(sr_folder)}")
    return tuple(Pair(image=name, sr=path, hr=hr.get(name)) for name, path in sorted(sr.items()))


def _by_name(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in images_in(folder):
        other = found.setdefault(path.stem, path)
        if other != path:
            raise DataError(
                f"{show(folder)} holds two images called '{path.stem}': {other.name}, {path.name}.",
                "Keep one of them.",
            )
    return found


def _check_known(names: Iterable[str], known: Collection[str], folder: Path, lacking: str) -> None:
    unknown = sorted(set(names).difference(known))
    if not unknown:
        return
    near = get_close_matches(unknown[0], list(known), n=1)
    hint = f" (nearest name: '{near[0]}')" if near else ""
    raise DataError(
        f"{len(unknown)} images of {show(folder)} have not {lacking}: {_some(unknown)}{hint}.",
        "Remove or rename them: images are paired by file name, without the suffix.",
    )


def _check_all_there(sr: Collection[str], published: Collection[str], folder: Path) -> None:
    missing = sorted(set(published).difference(sr))
    if missing:
        raise DataError(
            f"{show(folder)} lacks {len(missing)} of {len(published)} published images: "
            f"{_some(missing)}.",
            "Add them, or compare only what is there with --subset.",
        )


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
