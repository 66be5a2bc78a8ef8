"""Scoring one image of several methods at once: what a worker process does.

Every file is decoded once, what a metric can compute from HR alone is computed once, and a metric
without a value for an image is a recorded failure that costs no other value. Where only light
metrics are asked for, torch is never imported.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.api.errors import (
    ImageError,
    PluginError,
    ResourceError,
    ScoreError,
    WeightsError,
)
from benchmarks.api.images import read_rgb
from benchmarks.api.metric import MetricRuntime, MetricSpec, SampleMetric, SetMetric
from benchmarks.api.text import cause_of, first_line
from benchmarks.api.weights import WeightStore

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]

# Light metrics are scored in parallel processes, so each of these uses one thread.
LIGHT_WORKER_ENV = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENCV_FOR_THREADS_NUM": "1",
}

# What stops the whole run, because every further image would fail alike.
_FATAL = (WeightsError, PluginError, ResourceError)


@dataclass(frozen=True, slots=True)
class ScoreFailure:
    """A score, or features, that could not be had, and why."""

    error: str  # class of the error
    cause: str  # its first line


Outcome = float | ScoreFailure
Outcomes = dict[tuple[str, str], Outcome]  # by (method, metric id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageTask:
    """What several methods made of one LR image, and which scores of it are wanted."""

    srs: Mapping[str, Path]  # SR file by method
    hr: Path | None  # there where a wanted metric needs it
    wanted: frozenset[tuple[str, str]]  # (method, metric id)
    dataset: str = ""
    image: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureTask:
    """An image whose features for a set metric are wanted."""

    metric: str
    path: Path


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A reference as a metric wants it."""

    shape: tuple[int, ...]  # of the HR image
    reference: Any


def build(spec: MetricSpec, *, store: WeightStore, device: str = "cpu") -> SampleMetric | SetMetric:
    """Return a metric that is ready to compute.

    Raises:
        WeightsError: a weight file is not here, or is not the one that the spec names.
        PluginError: its code does not import.
    """
    module, _, name = spec.loader.partition(":")
    try:
        loader = getattr(importlib.import_module(module), name)
        metric: SampleMetric | SetMetric = loader(
            MetricRuntime(spec=spec, weights=store, device=device)
        )
    except (ImportError, AttributeError) as error:
        raise PluginError(
            f"Metric '{spec.id}' does not load: {type(error).__name__}: {first_line(error)}",
            "Run: mfsr-bench doctor",
        ) from error
    return metric


class Scorer:
    """Metrics by id, built when first used and kept; what answers tasks in a worker."""

    def __init__(
        self,
        specs: Sequence[MetricSpec],
        *,
        store: WeightStore | None = None,
        device: str = "cpu",
    ) -> None:
        self.specs = {spec.id: spec for spec in specs}
        self._store = store or WeightStore()
        self._device = device
        self._built: dict[str, Any] = {}

    def close(self) -> None:
        """Nothing is held beyond memory."""

    def load(self) -> None:
        """Build every metric now, so that what is missing shows before the first image.

        Raises:
            WeightsError: a weight file is not here, or is not the one that the spec names.
            PluginError: a metric's code does not import.
        """
        for metric in self.specs:
            self._metric(metric)

    def _metric(self, metric: str) -> Any:
        if metric not in self._built:
            spec = self.specs[metric]
            self._built[metric] = build(spec, store=self._store, device=self._device)
        return self._built[metric]

    def __call__(
        self, task: ImageTask | FeatureTask
    ) -> Outcomes | NDArray[np.float32] | ScoreFailure:
        """Answer a task: outcomes by (method, metric id) of an image, or its features.

        Raises:
            WeightsError, PluginError, ResourceError: no image can be scored on this machine.
        """
        if isinstance(task, FeatureTask):
            return self.features(task.metric, task.path)
        images: dict[Path, Image | ScoreFailure] = {}
        outcomes: Outcomes = {}
        for metric, spec in self.specs.items():
            methods = [method for method in task.srs if (method, metric) in task.wanted]
            prepared = self._prepare(spec, task.hr, images) if methods else None
            for method in methods:
                sr = _read(task.srs[method], images)
                if isinstance(prepared, ScoreFailure):
                    outcomes[method, metric] = prepared
                elif isinstance(sr, ScoreFailure):
                    outcomes[method, metric] = sr
                else:
                    try:
                        outcomes[method, metric] = self._value(spec, sr, prepared)
                    except Exception as error:
                        outcomes[method, metric] = _failure(error)
        return outcomes

    def score_image(
        self,
        srs: Mapping[str, Path],
        hr: Path | None = None,
        *,
        known: Container[tuple[str, str]] = (),
    ) -> Outcomes:
        """Score what several methods made of one LR image with every sample metric.

        Args:
            srs: SR file by method.
            hr: HR file; without it the full-reference metrics are left out.
            known: (method, metric id) pairs that need no score.

        Returns:
            A value or a failure for each (method, metric id) that was asked for.

        Raises:
            WeightsError, PluginError, ResourceError: no image can be scored on this machine.
        """
        wanted = {
            (method, spec.id)
            for spec in self.specs.values()
            if spec.level == "sample" and (hr is not None or not spec.needs_reference)
            for method in srs
        }
        task = ImageTask(srs=srs, hr=hr, wanted=frozenset(w for w in wanted if w not in known))
        outcomes = self(task)
        assert isinstance(outcomes, dict)
        return outcomes

    def _prepare(
        self, spec: MetricSpec, hr: Path | None, images: dict[Path, Image | ScoreFailure]
    ) -> _Prepared | ScoreFailure | None:
        """Return what a metric computes of the reference alone; None where it needs none."""
        if not spec.needs_reference:
            return None
        assert hr is not None
        image = _read(hr, images)
        if isinstance(image, ScoreFailure):
            return image
        try:
            _check_side(spec, image, "HR")
            return _Prepared(image.shape, self._metric(spec.id).prepare(image))
        except Exception as error:
            return _failure(error)

    def score(self, metric: str, sr: Image, hr: Image | None = None) -> float:
        """Return a sample metric's value for one image (h, w, 3) `uint8`.

        Raises:
            ImageError: an image is too small, or the two are of different sizes.
            ScoreError: the value is not finite.
        """
        spec = self.specs[metric]
        prepared = None
        if spec.needs_reference:
            assert hr is not None
            _check_side(spec, hr, "HR")
            prepared = _Prepared(hr.shape, self._metric(metric).prepare(hr))
        return self._value(spec, sr, prepared)

    def _value(self, spec: MetricSpec, sr: Image, prepared: _Prepared | None) -> float:
        _check_side(spec, sr, "SR")
        if prepared and sr.shape != prepared.shape:
            raise ImageError(f"SR is {_size(sr.shape)} where HR is {_size(prepared.shape)}.")
        reference = prepared.reference if prepared else None
        (value,) = self._metric(spec.id).score([sr], reference)
        return _finite(spec, value)

    def features(self, metric: str, path: Path) -> NDArray[np.float32] | ScoreFailure:
        """Return the features (d,) of one image for a set metric.

        Raises:
            WeightsError, PluginError, ResourceError: no image can be scored on this machine.
        """
        image = _read(path, {})
        if isinstance(image, ScoreFailure):
            return image
        try:
            return self.features_of(metric, image)
        except Exception as error:
            return _failure(error)

    def features_of(self, metric: str, image: Image) -> NDArray[np.float32]:
        """Return the features (d,) of an image (h, w, 3) `uint8` for a set metric.

        Raises:
            ImageError: the image is too small.
        """
        _check_side(self.specs[metric], image, "The image")
        vector: NDArray[np.float32] = self._metric(metric).features([image])[0]
        return vector

    def distance(self, metric: str, sr: NDArray[np.float32], hr: NDArray[np.float32]) -> Outcome:
        """Return a set metric's value for SR features (n, d) against HR features (n, d)."""
        try:
            return _finite(self.specs[metric], self._metric(metric).distance(sr, hr))
        except Exception as error:
            return _failure(error)


def _read(path: Path, images: dict[Path, Image | ScoreFailure]) -> Image | ScoreFailure:
    if path not in images:
        try:
            images[path] = read_rgb(path)
        except ImageError as error:
            images[path] = _failure(error)
    return images[path]


def _check_side(spec: MetricSpec, image: Image, what: str) -> None:
    if min(image.shape[:2]) < spec.minimum_side:
        raise ImageError(
            f"{what} is {_size(image.shape)}; {spec.id} needs {spec.minimum_side} pixels per side."
        )


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} x {shape[0]}"


def _finite(spec: MetricSpec, value: float) -> float:
    if not math.isfinite(value):
        raise ScoreError(f"{spec.id} gave {value}.")
    return float(value)


def _failure(error: Exception) -> ScoreFailure:
    """Return what is recorded of an error, or raise it where it would only repeat itself."""
    if isinstance(error, _FATAL):
        raise error
    return ScoreFailure(type(error).__name__, cause_of(error))
