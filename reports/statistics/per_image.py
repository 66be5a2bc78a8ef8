"""A comparison as values per image; set metrics from the features that scoring left cached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.api.errors import DataError, ScoreError
from benchmarks.metrics.frechet import frechet_distance
from benchmarks.results.cache import ScoreCache
from benchmarks.results.frames import shared
from reports.pictures import pictures_of
from reports.statistics.influence import frechet_influence
from reports.statistics.model import PerImage, PerImages

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmarks.results.rows import RunResults
    from reports.comparison import Comparison
    from reports.identity import Metric
    from reports.pictures import Picture

_SAME = 1e-5  # relative; the distance of the same features, computed on another machine


class _MissingError(Exception):
    """There is something that the influences cannot be computed without."""


def all_per_image(comparison: Comparison, results: Sequence[RunResults]) -> PerImages:
    """Return all columns of a comparison as values per image, set metrics included.

    Args:
        comparison: what is compared.
        results: its runs.
    """
    samples = tuple(samples_per_image(comparison))
    if comparison.set_scores.empty:
        return PerImages(columns=samples)
    cache = ScoreCache()
    try:
        sets = sets_per_image(comparison, pictures_of(comparison, results).of, cache)
    finally:
        cache.close()
    return PerImages(columns=(*samples, *sets.columns), lacking=sets.lacking)


def samples_per_image(comparison: Comparison) -> Iterator[PerImage]:
    """Yield the sample metrics of a comparison, over the images that all methods share."""
    for dataset, metric, values in shared(comparison.scores):
        if len(values):
            yield PerImage(
                dataset=dataset,
                metric=metric,
                methods=tuple(map(str, values.columns)),
                images=tuple(map(str, values.index)),
                values=values.to_numpy(dtype=np.float64),
            )


def sets_per_image(
    comparison: Comparison, pictures: Mapping[str, Sequence[Picture]], cache: ScoreCache
) -> PerImages:
    """Return the set metrics of a comparison as values per image, and why others are not there.

    The means of the values are the set metrics themselves (`influence` has the reason). A value
    that does not come from the features in the cache is not guessed at.

    Args:
        comparison: what is compared.
        pictures: data set -> its images.
        cache: where the features are.
    """
    found: list[PerImage] = []
    lacking: dict[tuple[str, str], str] = {}
    for (dataset, name), rows in comparison.set_scores.groupby(["dataset", "metric"], sort=False):
        metric = comparison.metrics[str(name)]
        values = dict(zip(rows["method"], rows["value"], strict=True))
        try:
            if rows["n"].nunique() > 1:
                raise _MissingError("its values stand on different numbers of images")
            sets = _Sets(pictures.get(str(dataset), ()), tuple(values), metric, cache)
            found.append(sets.per_image(str(dataset), values, n=int(rows["n"].iloc[0])))
        except _MissingError as error:
            lacking[str(dataset), metric.id] = str(error)
    return PerImages(columns=tuple(found), lacking=lacking)


class _Sets:
    """The features of one data set, as some methods restored it."""

    def __init__(
        self,
        pictures: Sequence[Picture],
        methods: tuple[str, ...],
        metric: Metric,
        cache: ScoreCache,
    ) -> None:
        self._methods = methods
        self._metric = metric
        self._cache = cache
        paired = (one for one in pictures if one.hr and set(methods) <= set(one.results))
        self._pictures = [one for one in paired if all(map(self._has_features, _files(one)))]

    def per_image(self, dataset: str, values: Mapping[str, float], *, n: int) -> PerImage:
        if len(self._pictures) != n:
            raise _MissingError(
                f"it stands on {n} images, and this machine's cache has features of "
                f"{len(self._pictures)}"
            )
        references = self._features(one.hr for one in self._pictures if one.hr)
        columns = []
        for method in self._methods:
            results = self._features(one.results[method] for one in self._pictures)
            try:
                distance = frechet_distance(results, references)
            except ScoreError as error:
                raise _MissingError(error.cause) from None
            if abs(distance - values[method]) > _SAME * max(1.0, abs(distance)):
                raise _MissingError("the features in the cache give other values")
            columns.append(values[method] + frechet_influence(results, references))
        return PerImage(
            dataset=dataset,
            metric=self._metric.id,
            methods=self._methods,
            images=tuple(one.image for one in self._pictures),
            values=np.stack(columns, axis=1),
        )

    def _features(self, paths: Iterator[Path]) -> NDArray[np.float32]:
        return np.stack([vector for path in paths if (vector := self._one(path)) is not None])

    def _has_features(self, path: Path) -> bool:
        return self._one(path) is not None

    def _one(self, path: Path) -> NDArray[np.float32] | None:
        try:
            sha256 = self._cache.sha256(path)
        except DataError:  # an image that was deleted since
            return None
        version = str(self._metric.facts.get("version", ""))
        return self._cache.features(sha256, self._metric.id, version)


def _files(picture: Picture) -> Iterator[Path]:
    if picture.hr:
        yield picture.hr
    yield from picture.results.values()
