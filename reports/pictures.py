"""The image files behind a comparison: LR, HR and every method's result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.api.errors import ConflictError, DataError, UnknownNameError, UsageError
from benchmarks.datasets.opening import open_dataset
from benchmarks.datasets.places import locate
from benchmarks.results.cache import ScoreCache
from benchmarks.results.directory import RunDirectory
from benchmarks.results.session import read_sessions

if TYPE_CHECKING:
    from benchmarks.api.dataset import Sample
    from benchmarks.results.rows import RunResults
    from reports.comparison import Comparison
    from reports.identity import Dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One image of a test set and what became of it."""

    dataset: str
    image: str  # id
    width: int  # of the results; 0 where every method failed
    height: int
    results: Mapping[str, Path]  # method -> file, in the order of the comparison
    lr: Path | None  # None where the data set is not on this machine
    hr: Path | None  # likewise, or where there is no reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """All images of a comparison."""

    of: Mapping[str, tuple[Picture, ...]]  # data set -> its images, sorted by id
    lacking: Mapping[str, str]  # data set -> why its LR and HR images are not here

    @property
    def every(self) -> tuple[Picture, ...]:
        """All of them."""
        return tuple(one for of in self.of.values() for one in of)


def with_results(comparison: Comparison, pictures: Sequence[Picture]) -> tuple[str, ...]:
    """Return the methods of a comparison that have any of these results, in their order."""
    known = {method for one in pictures for method in one.results}
    return tuple(method for method in comparison.methods if method in known)


def without_results(comparison: Comparison, pictures: Sequence[Picture], on: str = "") -> str:
    """Return the sentence that names the methods without any of these results; empty for none.

    Args:
        comparison: what is compared.
        pictures: its images, or those of one data set.
        on: the title of that data set.
    """
    known = with_results(comparison, pictures)
    titles = [one.title for key, one in comparison.methods.items() if key not in known]
    where = f" on {on}" if on else ""
    return f"No results of {', '.join(titles)}{where}. {comparison.finish}" if titles else ""


def pictures_of(
    comparison: Comparison, results: Sequence[RunResults], specs: Iterable[str] = ()
) -> Pictures:
    """Find the images of some runs. No image is opened.

    Args:
        comparison: what is compared; other methods and data sets are left out.
        results: its runs.
        specs: data sets that lie elsewhere than when the runs were made, as `--datasets` of `run`
            takes them.

    Raises:
        UsageError: a spec means no data set of the comparison.
        ConflictError: a data set was found, but is not the one that was run on.
    """
    given = _given(comparison, specs)
    remembered = _remembered(results)
    cache = ScoreCache()
    found: dict[str, tuple[Picture, ...]] = {}
    lacking: dict[str, str] = {}
    for dataset in comparison.datasets.values():
        spec = given.get(dataset.id) or remembered.get(dataset.id, dataset.id)
        if not dataset.manifest and dataset.id not in given:
            # Whoever made the run could name any folder here.
            found[dataset.id] = tuple(_pictures(comparison, dataset.id, results, {}))
            lacking[dataset.id] = "The run does not say by what its files are known. Use --where."
            continue
        try:
            originals = _originals(dataset, spec, cache)
        except (DataError, UnknownNameError) as error:
            if dataset.id in given:
                raise
            originals, lacking[dataset.id] = {}, error.cause
        found[dataset.id] = tuple(_pictures(comparison, dataset.id, results, originals))
    cache.close()
    return Pictures(of=found, lacking=lacking)


def _given(comparison: Comparison, specs: Iterable[str]) -> dict[str, str]:
    """Return data set id -> spec."""
    found = {locate(spec).card.id: spec for spec in specs}
    for name, spec in found.items():
        if name not in comparison.datasets:
            raise UsageError(
                f"'{spec}' is none of the data sets of the run: {', '.join(comparison.datasets)}.",
                "Name it as the run does: folder:NAME=LR,HR",
            )
    return found


def _remembered(results: Iterable[RunResults]) -> dict[str, str]:
    """Return data set id -> the spec that last opened it, by what the runs wrote down."""
    found: dict[str, str] = {}
    for one in results:
        for session in read_sessions(one.path):
            found |= session.get("datasets") or {}
    return found


def _originals(dataset: Dataset, spec: str, cache: ScoreCache) -> dict[str, Sample]:
    opened = open_dataset(spec, sha256=cache.sha256)
    if dataset.manifest and opened.manifest_sha256 != dataset.manifest:
        raise ConflictError(
            f"The images of '{dataset.id}' have changed since the run: manifest "
            f"{opened.manifest_sha256[:12]}, not {dataset.manifest[:12]}.",
            "Give the set that was run on: --where folder:NAME=LR,HR",
        )
    return {sample.id: sample for sample in opened.samples}


def _pictures(
    comparison: Comparison,
    dataset: str,
    results: Iterable[RunResults],
    originals: Mapping[str, Sample],
) -> Iterable[Picture]:
    files: dict[str, dict[str, Path]] = {}
    sizes: dict[str, tuple[int, int]] = {}
    for one in results:
        directory = RunDirectory(one.path)
        for row in one.images:
            if row.dataset == dataset and row.method in comparison.methods:
                file = directory.image(row.method, dataset, row.image)
                files.setdefault(row.image, {})[row.method] = file
                sizes[row.image] = (row.width, row.height)
        for failure in one.failures:
            if (
                failure.dataset == dataset
                and failure.method in comparison.methods
                and failure.image
            ):
                files.setdefault(failure.image, {})
    for image in sorted(files):
        sample = originals.get(image)
        width, height = sizes.get(image, (0, 0))
        yield Picture(
            dataset=dataset,
            image=image,
            width=width,
            height=height,
            results={key: files[image][key] for key in comparison.methods if key in files[image]},
            lr=sample.lr if sample else None,
            hr=sample.hr if sample else None,
        )
