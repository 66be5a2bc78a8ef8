"""What is known of a metric, as frozen data, and the two classes that compute one.

A metric id is `name@variant`: `psnr@y601` and `psnr@rgb` are two metrics, 1.5 dB apart.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from benchmarks.api.errors import ConfigError
from benchmarks.api.weights import WeightStore

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from benchmarks.api.card import WeightFile

WEIGHTS_OWNER = "metrics"  # metrics share files, so they share one folder of weights

_ID = re.compile(r"[a-z0-9]+@[a-z0-9][a-z0-9.+_-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSpec:
    """All that the harness and the tables need to know of a metric."""

    id: str  # "psnr@y601"
    title: str  # as papers print it: "PSNR"
    higher_is_better: bool
    needs_reference: bool
    definition: str  # one sentence: colour space, crop, rounding, network, weights
    loader: str  # "module:callable"; the callable takes a MetricRuntime and returns the metric
    settings: Mapping[str, str | int | float] = field(
        default_factory=dict, hash=False
    )  # what tells variants of one loader apart
    level: Literal["sample", "set"] = "sample"
    value_range: tuple[float, float] = (0.0, 1.0)  # rough; for axes, never for clipping
    decimals: int = 4
    light: bool = False  # computes without torch, on one thread: scored in parallel processes
    minimum_side: int = 1  # pixels; smaller images are a recorded failure
    version: int = 1  # raised whenever our own code could change a value
    packages: tuple[str, ...] = ()  # installed packages whose version is part of the metric's
    weights: tuple[WeightFile, ...] = ()
    shipped: tuple[str, ...] = ()  # weights in our own package, by the names they are published by
    used_by: tuple[str, ...] = ()  # papers and tools that print this convention
    licence: str = "Apache-2.0"
    note: str = ""

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise ConfigError(f"metric id {self.id!r} is not name@variant")

    @property
    def name(self) -> str:
        """The part before the `@`: what papers call the metric."""
        return self.id.partition("@")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRuntime:
    """Where and how a metric is to run. It pickles: worker processes receive it as it is."""

    spec: MetricSpec
    weights: WeightStore = field(default_factory=WeightStore)
    device: str = "cpu"

    def weight(self, name: str) -> Path:
        """Return the path of one of the spec's weight files.

        Raises:
            WeightsMissingError: it is not on this machine; the error says how to get it.
        """
        for weight in self.spec.weights:
            if weight.name == name:
                return self.weights.require(WEIGHTS_OWNER, weight)
        raise ConfigError(f"'{self.spec.id}' declares no weights called '{name}'.")


class SampleMetric(ABC):
    """A metric with one value per image. Images are (h, w, 3) `uint8`: the decoded files."""

    def prepare(self, hr: NDArray[np.uint8]) -> Any:
        """Return whatever can be computed once from a reference and used for every SR of it."""
        return hr

    @abstractmethod
    def score(self, srs: Sequence[NDArray[np.uint8]], reference: Any) -> list[float]:
        """Score SR images of one size against one reference.

        Args:
            srs: SR images, all (h, w, 3): what several methods made of one LR image.
            reference: what `prepare` returned for the HR image; None for a no-reference metric.

        Returns:
            One value per SR image, the same as if each were scored alone.
        """


class SetMetric(ABC):
    """A metric with one value per set of images, computed from features of single images."""

    @abstractmethod
    def features(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Return features (B, d) of images (h, w, 3); each row depends on its own image alone."""

    @abstractmethod
    def distance(self, sr: NDArray[np.float32], hr: NDArray[np.float32]) -> float:
        """Return the value for SR features (n, d) against HR features (n, d)."""
