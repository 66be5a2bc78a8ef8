"""Whether a data set on this machine is the one that its card names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.api.errors import DataError, ImageError
from benchmarks.api.images import sha256_file
from benchmarks.datasets import manifests
from benchmarks.datasets.places import REINSTALL, missing
from benchmarks.datasets.samples import contents_of
from benchmarks.pairing import Problem

if TYPE_CHECKING:
    from benchmarks.api.dataset import Sample, Side
    from benchmarks.datasets.manifests import Manifest
    from benchmarks.datasets.places import Place

_NAMED = 3  # problems that an error spells out


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was found in a set's folders."""

    place: Place
    samples: tuple[Sample, ...]
    manifest: Manifest | None  # None: no official one is known, so contents were not checked
    problems: tuple[Problem, ...]
    notes: tuple[str, ...] = ()  # what is nothing wrong, and worth knowing

    @property
    def checked(self) -> str:
        """Return how far the check could go, in words."""
        if self.manifest:
            return "every file"
        if self.place.card.kind == "folder":
            return "names and sizes"
        return "counts and sizes; contents not: no official manifest is known"


def inspect(place: Place, *, sha256: Callable[[Path], str] = sha256_file) -> Report:
    """Check names, counts and sizes of a set and, where a manifest is known, every file's content.

    Args:
        place: the set.
        sha256: hashes a file; a caching one makes a second check cheap.

    Raises:
        DataError: a folder is missing or cannot be listed, or a name cannot be an id.
    """
    found = contents_of(place)
    if not found.samples and not found.problems:
        raise missing(place, "; ".join(found.notes))
    manifest = manifests.of_card(place.card, place.root)
    wrong = _content_problems(found.samples, manifest, sha256) if manifest else []
    return Report(
        place=place,
        samples=found.samples,
        manifest=manifest,
        problems=(*found.problems, *wrong),
        notes=found.notes,
    )


def _content_problems(
    samples: tuple[Sample, ...], manifest: Manifest, sha256: Callable[[Path], str]
) -> list[Problem]:
    """Compare by stem: a file that was encoded again may have another suffix."""
    found: dict[tuple[Side, str], Path] = {("lr", sample.id): sample.lr for sample in samples}
    found |= {("hr", sample.id): sample.hr for sample in samples if sample.hr}
    expected = {(row.side, Path(row.name).stem): row for row in manifest}
    problems = [
        Problem(f"{side}/{expected[side, stem].name}", "is missing")
        for side, stem in expected.keys() - found.keys()
    ]
    for (side, stem), path in found.items():
        row = expected.get((side, stem))
        if row is None:
            problems.append(Problem(f"{side}/{path.name}", "does not belong to the set"))
            continue
        try:
            if not row.matches(path, sha256):
                problems.append(Problem(f"{side}/{path.name}", "is another image"))
        except ImageError as error:
            problems.append(Problem(f"{side}/{path.name}", error.cause))
    return sorted(problems, key=str)


def require(place: Place) -> Report:
    """Return the report on a set that must be complete and correct.

    Raises:
        DataError: it is not.
    """
    report = inspect(place)
    if report.problems:
        raise refuse(report)
    return report


def refuse(report: Report) -> DataError:
    """Return the error for a set that is not what its card names."""
    card = report.place.card
    named = "; ".join(str(problem).rstrip(".") for problem in report.problems[:_NAMED])
    rest = len(report.problems) - _NAMED
    more = f"; and {rest} more" if rest > 0 else ""
    what = f"Data set '{card.id}' is not complete and correct: {named}{more}."
    if card.kind == "built-in":
        return DataError(what, REINSTALL)
    if card.kind == "folder":
        return DataError(
            what,
            "Mend the folders: images are paired by name. If all names differ alike, say how: "
            "folder:LR/{}_lr.png,HR/{}_hr.png",
        )
    return DataError(what, f"Run: mfsr-bench datasets verify {card.id}; then fetch it again.")
