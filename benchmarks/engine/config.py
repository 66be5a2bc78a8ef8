"""What one run is asked to do, and the identity that follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from benchmarks.api.restorer import LRFile
from benchmarks.api.seeds import seed_for

if TYPE_CHECKING:
    from benchmarks.api.metric import MetricSpec
    from benchmarks.datasets.opening import OpenDataset
    from benchmarks.methods import Method
    from benchmarks.metrics.protocol import Protocol

Missing = Literal["error", "skip", "fetch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """One run: methods x data sets x metrics, and where and how."""

    methods: tuple[Method, ...]
    datasets: tuple[OpenDataset, ...]
    protocol: Protocol
    metrics: tuple[MetricSpec, ...]  # those that can run here, of all that were asked for
    skipped: Mapping[str, str]  # metric id -> why it is not computed
    metric_versions: Mapping[str, str]  # metric id -> its full version
    out: Path
    seed: int = 0
    batch_size: int = 1
    devices: tuple[str, ...] = ("cpu",)  # one worker each for restoring and for deep metrics
    workers: int = 1  # processes for light metrics; 0 does everything in this process

    def metrics_of(self, dataset: OpenDataset) -> tuple[MetricSpec, ...]:
        """Return the metrics that a data set is scored with."""
        return tuple(
            spec
            for spec in self.metrics
            if self.protocol.applies(spec, has_reference=dataset.card.has_reference)
        )

    def lr_files(self, dataset: OpenDataset) -> tuple[LRFile, ...]:
        """Return the LR images of a data set with their seeds, sorted by id."""
        return tuple(
            LRFile(
                id=sample.id,
                path=sample.lr,
                seed=seed_for(self.seed, dataset.card.id, sample.id),
            )
            for sample in dataset.samples
        )
