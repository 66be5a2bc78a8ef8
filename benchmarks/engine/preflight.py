"""Before anything is computed: resolve every name, look for every file, and say all that lacks.

A run that would fail at its last method fails here, in seconds, with one list.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from benchmarks import registry, requirements
from benchmarks.api.card import Dtype, WeightFile
from benchmarks.api.errors import ConfigError, DataError
from benchmarks.api.prompts import PromptRuntime
from benchmarks.api.restorer import Runtime
from benchmarks.api.weights import WeightStore
from benchmarks.datasets.opening import OpenDataset, open_dataset
from benchmarks.engine.config import RunConfig
from benchmarks.engine.missing import Missing, missing_weights, refuse
from benchmarks.engine.prompts import PromptSource, given
from benchmarks.methods import Method, resolve_all
from benchmarks.metrics import protocol as protocols
from benchmarks.metrics.select import of_protocol, select
from benchmarks.metrics.version import metric_version

if TYPE_CHECKING:
    from benchmarks.api.card import PromptKind, Weights
    from benchmarks.api.metric import MetricSpec
    from benchmarks.metrics.protocol import Protocol
    from benchmarks.results.cache import ScoreCache

_NO_PROMPTS = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A run as the user asks for it."""

    methods: tuple[str, ...]
    datasets: tuple[str, ...]
    metrics: tuple[str, ...] = ()  # empty: those of the protocol
    protocol: str = "mfsr-paper-v1"
    out: Path | None = None  # None: a folder named after what is asked for
    seed: int = 0
    batch_size: int = 1
    devices: tuple[str, ...] = ("cpu",)
    workers: int = 1
    dtype: str | None = None
    faithful: bool = False
    offload: bool = False
    prompts: str = ""  # empty: extracted; "none"; or a folder of texts
    missing: Literal["error", "skip"] = "error"  # about metrics whose weights are not here
    limit: int | None = None  # the first images of each data set
    images: tuple[str, ...] = ()  # only these image ids


@dataclass(slots=True)
class Preflight:
    """What looking found: the run as far as it can be settled, and what lacks."""

    config: RunConfig
    missing: list[Missing] = field(default_factory=list)

    def refuse_missing(self) -> None:
        """Raise if anything is missing.

        Raises:
            MFSRBenchError: of the kind of the first missing thing; the message names them all.
        """
        refuse(self.missing, see="mfsr-bench run --plan")


def prepare(request: Request, cache: ScoreCache) -> Preflight:
    """Settle a run.

    Raises:
        UsageError: a name, option or number that does not exist.
        DataError: a data set that is here is not what it should be.
    """
    if request.batch_size < 1 or request.workers < 0:
        raise ConfigError("--batch-size is at least 1 and --workers at least 0.")
    store = WeightStore()
    protocol = protocols.find(request.protocol)
    methods = _methods(request, store)
    datasets, missing = _datasets(request, cache)
    missing += missing_weights(requirements.of_methods(m.card for m in methods), store)
    metrics = {flag: _metrics(request, protocol, has_reference=flag) for flag in (True, False)}
    kinds = {dataset.card.has_reference for dataset in datasets} or {True, False}
    specs = tuple(dict.fromkeys(spec for flag in kinds for spec in metrics[flag]))
    skipped = _unavailable(specs, store, request.missing, missing)
    runnable = {
        flag: tuple(s for s in chosen if s.id not in skipped) for flag, chosen in metrics.items()
    }
    sources = _prompt_sources(request, methods, datasets, store, cache, missing)
    config = RunConfig(
        methods=methods,
        datasets=datasets,
        protocol=protocol,
        metrics=runnable,
        metric_versions={
            spec.id: metric_version(spec, store, cache.sha256)
            for spec in specs
            if spec.id not in skipped and not any(item.needed_by == spec.id for item in missing)
        },
        skipped=skipped,
        weight_hashes={}
        if missing
        else {m.key: _hashes(m.card.name, m.card.weights, store, cache) for m in methods},
        prompts=sources,
        out=request.out or _default_out(request),
        seed=request.seed,
        batch_size=request.batch_size,
        devices=request.devices,
        workers=request.workers,
        weights=store,
    )
    return Preflight(config, missing)


def _methods(request: Request, store: WeightStore) -> tuple[Method, ...]:
    base = Runtime(
        card=registry.restorer("bicubic").card,
        weights=store,
        device=request.devices[0],
        dtype=next((name for name in get_args(Dtype) if name == request.dtype), None),
        faithful=request.faithful,
        offload=request.offload,
    )
    prompts = request.prompts if request.prompts in ("", _NO_PROMPTS) else "given"
    return resolve_all(request.methods, base, prompts=prompts)


def _metrics(
    request: Request, protocol: Protocol, *, has_reference: bool
) -> tuple[MetricSpec, ...]:
    if not request.metrics:
        return of_protocol(protocol, has_reference=has_reference)
    chosen = select(request.metrics, protocol)
    return tuple(spec for spec in chosen if has_reference or not spec.needs_reference)


def _datasets(request: Request, cache: ScoreCache) -> tuple[tuple[OpenDataset, ...], list[Missing]]:
    found: dict[str, OpenDataset] = {}
    missing = []
    for spec in request.datasets:
        try:
            dataset = open_dataset(spec, sha256=cache.sha256)
        except DataError as error:
            missing.append(Missing(what="data set", name=spec, needed_by="the run", error=error))
            continue
        if dataset.card.id in found:
            raise ConfigError(
                f"Two data sets would both be '{dataset.card.id}'.",
                "Name them: folder:NAME=LR[,HR]",
            )
        found[dataset.card.id] = _subset(dataset, request)
    return tuple(found.values()), missing


def _subset(dataset: OpenDataset, request: Request) -> OpenDataset:
    samples = dataset.samples
    if request.images:
        known = {sample.id for sample in samples}
        if not known & set(request.images):
            raise registry.unknown(
                f"image of '{dataset.card.id}'",
                request.images[0],
                known,
                see=f"mfsr-bench datasets where {dataset.card.id}",
            )
        samples = tuple(sample for sample in samples if sample.id in request.images)
    return replace(dataset, samples=samples[: request.limit])


def _unavailable(
    specs: Iterable[MetricSpec], store: WeightStore, policy: str, missing: list[Missing]
) -> dict[str, str]:
    """Return the metrics that are skipped, and why; add what may not be skipped to `missing`."""
    skipped: dict[str, str] = {}
    for item in missing_weights(requirements.of_metrics(specs), store):
        if policy == "skip":
            skipped[item.needed_by] = "weights missing"
        else:
            missing.append(item)
    return skipped


def _hashes(
    owner: str, weights: Sequence[Weights], store: WeightStore, cache: ScoreCache
) -> dict[str, str]:
    """Return the sha256 of every weight file; files that did not change are not read again."""
    hashes = {}
    for weight in weights:
        path = store.require(owner, weight)
        if isinstance(weight, WeightFile):
            hashes[weight.name] = cache.sha256(path)
        else:
            for file in weight.files:
                hashes[f"{weight.name}/{file}"] = cache.sha256(path / file)
    return hashes


def _prompt_sources(
    request: Request,
    methods: Sequence[Method],
    datasets: Sequence[OpenDataset],
    store: WeightStore,
    cache: ScoreCache,
    missing: list[Missing],
) -> tuple[PromptSource, ...]:
    """Return where the prompts of each kind that a method asks for come from."""
    kinds = dict.fromkeys(m.card.prompt for m in methods if m.card.prompt not in ("none", "fixed"))
    if request.prompts == _NO_PROMPTS:
        return tuple(PromptSource(kind=kind, version=_NO_PROMPTS) for kind in kinds)
    if request.prompts:
        folder = Path(request.prompts).expanduser()
        version = _given_version(folder, datasets, missing) if kinds else ""
        return tuple(PromptSource(kind=kind, version=version, folder=folder) for kind in kinds)
    return tuple(_extracted(kind, request, store, cache, missing) for kind in kinds)


def _given_version(folder: Path, datasets: Sequence[OpenDataset], missing: list[Missing]) -> str:
    digest = hashlib.sha256()
    for dataset in datasets:
        for sample in dataset.samples:
            try:
                digest.update(given(folder, dataset.card.id, sample.id).encode() + b"\n")
            except DataError as error:
                missing.append(
                    Missing(what="prompts", name=sample.id, needed_by=dataset.card.id, error=error)
                )
    return f"given:{digest.hexdigest()}"


def _extracted(
    kind: PromptKind,
    request: Request,
    store: WeightStore,
    cache: ScoreCache,
    missing: list[Missing],
) -> PromptSource:
    extractor = registry.prompt_extractor(kind)
    card = extractor.card
    runtime = PromptRuntime(card=card, weights=store, device=request.devices[0])
    lacking = missing_weights(requirements.of_prompts([card]), store)
    missing += lacking
    hashes = {} if lacking else _hashes(card.name, card.weights, store, cache)
    version = json.dumps([kind, card.dtypes[0], hashes], sort_keys=True)
    return PromptSource(
        kind=kind,
        version=hashlib.sha256(version.encode()).hexdigest()[:16],
        extractor=extractor,
        runtime=runtime,
    )


def _default_out(request: Request) -> Path:
    """Return a folder named after what is asked for: the same command finds its work again."""
    asked = [request.methods, request.datasets, request.metrics, request.protocol, request.seed]
    asked += [request.dtype, request.faithful, request.prompts, request.limit, request.images]
    digest = hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:8]
    names = "-".join(spec.partition(":")[0] for spec in request.datasets)
    return Path("runs") / f"{names[:40]}-{digest}"
