"""What one run does, settled: every name resolved, every file found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.api.restorer import LRFile
from benchmarks.api.seeds import seed_for

if TYPE_CHECKING:
    from benchmarks.api.metric import MetricSpec
    from benchmarks.api.weights import WeightStore
    from benchmarks.datasets.opening import OpenDataset
    from benchmarks.engine.prompts import PromptSource
    from benchmarks.methods import Method
    from benchmarks.metrics.protocol import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """One run: methods x data sets x metrics, and where and how."""

    methods: tuple[Method, ...]
    datasets: tuple[OpenDataset, ...]
    protocol: Protocol
    metrics: Mapping[bool, tuple[MetricSpec, ...]]  # for sets with (True) and without reference
    metric_versions: Mapping[str, str]  # metric id -> its full version
    skipped: Mapping[str, str]  # metric id -> why it is not computed
    weight_hashes: Mapping[str, Mapping[str, str]]  # method key -> weight name -> sha256
    prompts: tuple[PromptSource, ...]  # one per prompt kind that a method asks for
    out: Path
    seed: int = 0
    batch_size: int = 1
    devices: tuple[str, ...] = ("cpu",)  # one worker each, for restoring and for deep metrics
    workers: int = 1  # processes for light metrics; 0 does everything in this process
    weights: WeightStore

    def metrics_of(self, dataset: OpenDataset) -> tuple[MetricSpec, ...]:
        """Return the metrics that a data set is scored with."""
        return self.metrics[dataset.card.has_reference]

    def all_metrics(self) -> tuple[MetricSpec, ...]:
        """Return the metrics that any data set is scored with."""
        return tuple(dict.fromkeys(s for d in self.datasets for s in self.metrics_of(d)))

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

    def identity(self) -> dict[str, Any]:
        """Return as plain data all that decides the numbers of the run."""
        sources = {source.kind: source.version for source in self.prompts}
        return {
            "protocol": {
                "id": self.protocol.id,
                "hash": self.protocol.hash,
                "rule": self.protocol.rule,
                "with_reference": list(self.protocol.with_reference),
                "without_reference": list(self.protocol.without_reference),
                "metrics": {spec.id: self._metric(spec) for spec in self.all_metrics()},
            },
            "methods": {
                method.key: {
                    **method.identity(dict(self.weight_hashes[method.key])),
                    "prompts": sources.get(method.card.prompt, ""),
                }
                for method in self.methods
            },
            "datasets": {dataset.card.id: _dataset(dataset) for dataset in self.datasets},
            "seed": self.seed,
        }

    def _metric(self, spec: MetricSpec) -> dict[str, Any]:
        facts = asdict(spec)
        for field in ("loader", "weights", "used_by", "note"):
            facts.pop(field)
        return {**facts, "version": self.metric_versions[spec.id]}


def _dataset(dataset: OpenDataset) -> dict[str, Any]:
    card = dataset.card
    return {
        "title": card.title,
        "n": card.n or len(dataset.samples),
        "has_reference": card.has_reference,
        "manifest_sha256": dataset.manifest_sha256,
        "card": asdict(card),
    }
