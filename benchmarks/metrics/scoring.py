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
    MFSRBenchError,
    PluginError,
    ResourceError,
    ScoreError,
    WeightsError,
)
from benchmarks.api.images import first_line, read_rgb
from benchmarks.api.metric import MetricRuntime, MetricSpec, SampleMetric, SetMetric
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
    """Metrics by id, built when first used and kept."""

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
        images: dict[Path, Image | ScoreFailure] = {}
        outcomes: Outcomes = {}
        for metric, spec in self.specs.items():
            if spec.level != "sample" or (spec.needs_reference and hr is None):
                continue
            wanted = {m: path for m, path in srs.items() if (m, metric) not in known}
            if wanted:
                reference = hr if spec.needs_reference else None
                scores = self._with_metric(spec, wanted, reference, images)
                outcomes.update({(method, metric): value for method, value in scores.items()})
        return outcomes

    def _with_metric(
        self,
        spec: MetricSpec,
        srs: Mapping[str, Path],
        hr: Path | None,
        images: dict[Path, Image | ScoreFailure],
    ) -> dict[str, Outcome]:
        prepared: Any = None
        shape: tuple[int, ...] | None = None
        if hr is not None:
            reference = _read(hr, images)
            if isinstance(reference, ScoreFailure):
                return dict.fromkeys(srs, reference)
            prepared = self._prepare(spec, reference)
            if isinstance(prepared, ScoreFailure):
                return dict.fromkeys(srs, prepared)
            shape = reference.shape
        found: dict[str, Outcome] = {}
        for method, path in srs.items():
            sr = _read(path, images)
            if isinstance(sr, ScoreFailure):
                found[method] = sr
            else:
                found[method] = self._score(spec, sr, shape, prepared)
        return found

    def _prepare(self, spec: MetricSpec, hr: Image) -> Any:
        try:
            _check_side(spec, hr, "HR")
            return self._metric(spec.id).prepare(hr)
        except Exception as error:
            return _failure(error)

    def _score(
        self, spec: MetricSpec, sr: Image, shape: tuple[int, ...] | None, prepared: Any
    ) -> Outcome:
        try:
            _check_side(spec, sr, "SR")
            if shape is not None and sr.shape != shape:
                raise ImageError(f"SR is {_size(sr.shape)} where HR is {_size(shape)}.")
            (value,) = self._metric(spec.id).score([sr], prepared)
            return _finite(spec, value)
        except Exception as error:
            return _failure(error)

    def features(self, metric: str, path: Path) -> NDArray[np.float32] | ScoreFailure:
        """Return the features (d,) of one image for a set metric.

        Raises:
            WeightsError, PluginError, ResourceError: no image can be scored on this machine.
        """
        image = _read(path, {})
        if isinstance(image, ScoreFailure):
            return image
        try:
            _check_side(self.specs[metric], image, "The image")
            vector: NDArray[np.float32] = self._metric(metric).features([image])[0]
        except Exception as error:
            return _failure(error)
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
    cause = error.cause if isinstance(error, MFSRBenchError) else first_line(error)
    return ScoreFailure(type(error).__name__, cause)
