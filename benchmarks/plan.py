"""What a request comes to on this machine: every name resolved, every file found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from benchmarks.api.restorer import LRFile
from benchmarks.api.seeds import seed_for

if TYPE_CHECKING:
    from benchmarks.api.metric import MetricSpec
    from benchmarks.api.prompts import PromptExtractor, PromptRuntime
    from benchmarks.api.weights import WeightStore
    from benchmarks.datasets.opening import OpenDataset
    from benchmarks.methods import Method
    from benchmarks.metrics.protocol import Protocol


_SHARES = (4, 2)  # workers on one GPU, where their memory fits
_FILLED = 0.85  # of a GPU's memory, at most
_CONTEXT_BYTES = 2**30  # that each process takes beside its tensors


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A machine of a Ray cluster, as far as work is shared out by it."""

    id: str  # Ray's
    name: str  # the address that people know it by
    cpus: int
    gpus: int
    facts: Mapping[str, Any] = field(default_factory=dict)  # versions and hardware

    def places(self, *, gpus: float, whole: bool) -> int:
        """Return how many workers have room here at a time.

        Args:
            gpus: that a worker takes; several may share one.
            whole: without any GPU it takes all cores, not one.
        """
        if gpus:
            return int(self.gpus / gpus + 1e-6)
        return min(self.cpus, 1) if whole else self.cpus

    def gpu_bytes(self) -> tuple[int, ...]:
        """Return the memory of each GPU, as far as the node could tell."""
        lines = self.facts.get("machine", {}).get("gpus", ())
        found = (re.search(r"(\d+) MiB", line) for line in lines)
        return tuple(int(one[1]) * 2**20 for one in found if one)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The nodes of a Ray cluster that are used, and what they must have."""

    address: str
    nodes: tuple[Node, ...]
    needs: bytes = b""  # packed for `benchmarks.engine.preflight`
    workers: int = 1  # for light metrics, one core each

    def places(self, *, gpus: float, whole: bool) -> int:
        """Return how many workers have room at a time."""
        return sum(node.places(gpus=gpus, whole=whole) for node in self.nodes)

    def share(self, need: int | None) -> float:
        """Return which part of a GPU a worker gets that needs so many bytes; all if unknown."""
        sizes = [size for node in self.nodes for size in node.gpu_bytes()]
        if need is None or not sizes:
            return 1.0
        fits = (1 / n for n in _SHARES if n * (need + _CONTEXT_BYTES) <= _FILLED * min(sizes))
        return next(fits, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """The metrics that can be computed, and what with."""

    protocol: Protocol
    metrics: Mapping[bool, tuple[MetricSpec, ...]]  # for sets with (True) and without reference
    versions: Mapping[str, str]  # metric id -> its full version
    skipped: Mapping[str, str]  # metric id -> why it is not computed
    weights: WeightStore
    devices: tuple[str, ...] = ("cpu",)  # one worker each, for deep metrics
    workers: int = 1  # processes for light metrics; 0 does everything in this process
    cluster: Cluster | None = None  # where workers are; None: on this machine


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSet:
    """What several methods made of a data set, and its references."""

    dataset: str
    specs: tuple[MetricSpec, ...]  # the metrics that apply
    srs: Mapping[str, Mapping[str, Path]]  # method -> image -> SR file
    hrs: Mapping[str, Path]  # image -> HR file; empty where there are no references

    def sample_specs(self) -> tuple[MetricSpec, ...]:
        """Return the metrics with a value per image."""
        return tuple(spec for spec in self.specs if spec.level == "sample")

    def images(self) -> dict[str, dict[str, Path]]:
        """Return the SR files by image and method, sorted by image."""
        names = sorted({image for files in self.srs.values() for image in files})
        return {i: {m: files[i] for m, files in self.srs.items() if i in files} for i in names}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorePlan:
    """Images that exist already, to be scored."""

    images: ImageSet
    scoring: Scoring
    notes: tuple[str, ...] = ()  # what the folders hold that is not used


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSource:
    """Where the prompts of one kind come from."""

    kind: str  # "tags:dape"
    version: str  # what identifies the source: extractor and weights, "none", or a hash of files
    folder: Path | None = None  # of given prompts: <data set>/<image>.txt or <image>.txt
    extractor: type[PromptExtractor] | None = None
    runtime: PromptRuntime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """Methods x data sets x metrics, and where and how."""

    methods: tuple[Method, ...]
    datasets: tuple[OpenDataset, ...]
    scoring: Scoring
    weight_hashes: Mapping[str, Mapping[str, str]]  # method key -> weight name -> sha256
    prompts: tuple[PromptSource, ...]  # one per prompt kind that a method asks for
    out: Path
    seed: int = 0
    batch_size: int | Literal["auto"] = 1
    shard: str = ""  # "3/8": the data sets hold that part of their images alone
    asked: Mapping[str, Any] = field(default_factory=dict)  # the request, as it is written down
    printed: str = ""  # the printed table that the run's follows: "mfsr:1"
    # Why a method (by title) or a data set (by id) that was asked for is left out.
    blanks: Mapping[str, str] = field(default_factory=dict)

    def metrics_of(self, dataset: OpenDataset) -> tuple[MetricSpec, ...]:
        """Return the metrics that a data set is scored with."""
        return self.scoring.metrics[dataset.card.has_reference]

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
        """Return as plain data what the run is: all that decides its numbers, and descriptions."""
        protocol = self.scoring.protocol
        sources = {source.kind: source.version for source in self.prompts}
        return {
            "protocol": {
                "id": protocol.id,
                "hash": protocol.hash,
                "rule": protocol.rule,
                "with_reference": list(protocol.with_reference),
                "without_reference": list(protocol.without_reference),
                "metrics": {spec.id: self._metric(spec) for spec in self._metrics()},
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

    def _metrics(self) -> Iterable[MetricSpec]:
        return dict.fromkeys(spec for one in self.datasets for spec in self.metrics_of(one))

    def _metric(self, spec: MetricSpec) -> dict[str, Any]:
        facts = asdict(spec)
        for name in ("loader", "weights", "used_by", "note"):
            facts.pop(name)
        return {**facts, "version": self.scoring.versions[spec.id]}


def _dataset(dataset: OpenDataset) -> dict[str, Any]:
    card = dataset.card
    return {
        "title": card.title,
        "n": card.n or len(dataset.samples),
        "has_reference": card.has_reference,
        "manifest_sha256": dataset.manifest_sha256,
        "card": asdict(card),
    }
