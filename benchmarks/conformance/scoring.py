"""Our values of a folder of images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmarks import registry
from benchmarks.api.errors import ImageError
from benchmarks.api.images import read_rgb, show
from benchmarks.api.metric import MetricRuntime, MetricSpec, SampleMetric, SetMetric
from benchmarks.conformance.pairing import Pair

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderScores:
    """What we measured on a folder, by metric id."""

    samples: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    sets: Mapping[str, float] = field(default_factory=dict)


Scorer = Callable[[Sequence[Pair], Sequence[str]], FolderScores]


def score_pairs(pairs: Sequence[Pair], metrics: Sequence[str]) -> FolderScores:
    """Score images one after the other, in this process.

    Args:
        pairs: SR images and their references.
        metrics: metric ids; those that need a reference need it on every pair.

    Raises:
        WeightsError: weights of one of the metrics are missing; nothing has been computed.
        ImageError: an image cannot be read, or is not of its reference's size.
    """
    specs = registry.metric_specs()
    chosen = [specs[metric] for metric in metrics]
    loaded = {spec: _load(spec) for spec in chosen}
    samples: dict[str, dict[str, float]] = {}
    features: dict[str, list[tuple[Any, Any]]] = {}
    for one in pairs:
        sr, hr = _read(one)
        for spec, metric in loaded.items():
            if isinstance(metric, SampleMetric):
                reference = metric.prepare(hr) if spec.needs_reference and hr is not None else None
                samples.setdefault(spec.id, {})[one.image] = metric.score([sr], reference)[0]
            elif hr is not None:
                both = (metric.features([sr]), metric.features([hr]))
                features.setdefault(spec.id, []).append(both)
    sets = {
        spec.id: _distance(metric, features[spec.id])
        for spec, metric in loaded.items()
        if isinstance(metric, SetMetric)
    }
    return FolderScores(samples=samples, sets=sets)


def _load(spec: MetricSpec) -> SampleMetric | SetMetric:
    runtime = MetricRuntime(spec=spec)
    for weight in spec.weights:
        runtime.weights.require("metrics", weight)
    module, _, name = spec.loader.partition(":")
    metric: SampleMetric | SetMetric = getattr(import_module(module), name)(runtime)
    return metric


def _read(one: Pair) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    sr = read_rgb(one.sr)
    hr = read_rgb(one.hr) if one.hr else None
    if hr is not None and sr.shape != hr.shape:
        raise ImageError(
            f"{show(one.sr)} is {sr.shape[1]}x{sr.shape[0]}, its reference "
            f"{hr.shape[1]}x{hr.shape[0]}."
        )
    return sr, hr


def _distance(metric: SetMetric, features: Sequence[tuple[Any, Any]]) -> float:
    import numpy as np

    sr, hr = zip(*features, strict=True)
    return metric.distance(np.concatenate(sr), np.concatenate(hr))
