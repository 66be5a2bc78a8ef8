"""From what is asked for to what it comes to on this machine, before anything is computed.

Names are resolved, files are looked for, and all that is missing is said at once: a run that would
fail at its last method fails here, in seconds. Every command that restores, scores or measures
settles its request by this one path.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from benchmarks import registry
from benchmarks.api.errors import ConflictError, UsageError
from benchmarks.api.names import unknown
from benchmarks.conformance.compare import VerifyPlan, choose_metrics
from benchmarks.datasets.places import locate
from benchmarks.devices import devices
from benchmarks.engine import nodes
from benchmarks.methods import Wishes
from benchmarks.metrics import protocol as protocols
from benchmarks.metrics.conventions import parse_expected
from benchmarks.metrics.select import of_protocol, select
from benchmarks.missing import Missing, refuse
from benchmarks.pairing import Pairs, pair
from benchmarks.plan import ImageSet, PromptSource, RunPlan, ScorePlan, Scoring
from benchmarks.request import DEFAULT_PROTOCOL, ScoreRequest
from benchmarks.search import NO_PROMPTS, Search, check_length

if TYPE_CHECKING:
    from benchmarks.api.metric import MetricSpec
    from benchmarks.api.weights import WeightStatus
    from benchmarks.conformance.parse import PublishedScores
    from benchmarks.datasets.opening import OpenDataset
    from benchmarks.methods import Method
    from benchmarks.metrics.protocol import Protocol
    from benchmarks.request import RunRequest, VerifyRequest
    from benchmarks.results.cache import ScoreCache

P = TypeVar("P")

# With no argument: on built-in photographs, with methods that need no download. The teacher in a
# quarter of its steps, so that nobody waits; the student's mean (no sampled detail), and what it
# samples in one step and in two.
DEFAULT_METHODS = (
    "bicubic", "dit4sr-tiny@4", "mfsr-tiny@1+texture=0", "mfsr-tiny@1", "mfsr-tiny@2",
)  # fmt: skip
DEFAULT_DATASETS = ("sample",)
FOLDER, SR = "folder", "sr"  # the data set and the method of images without a run


@dataclass(frozen=True, slots=True)
class Settled(Generic[P]):
    """A plan as far as it can be settled, and what is missing."""

    plan: P
    missing: tuple[Missing, ...]
    skipped: tuple[Missing, ...] = ()  # what metrics that the plan leaves out would need


def settled(
    settle: Callable[[], Settled[P]],
    *,
    fetch: Callable[[Iterable[WeightStatus]], None] | None = None,
) -> P:
    """Return a plan that lacks nothing.

    Args:
        settle: settles what is asked for.
        fetch: brings weights that are missing; None: they are not to be fetched.

    Raises:
        MFSRBenchError: something is missing; the message names all of it.
    """
    found = settle()
    if fetch and found.missing:
        fetch(item.status for item in found.missing if item.status)
        found = settle()
    refuse(found.missing)
    return found.plan


def settle_run(request: RunRequest, cache: ScoreCache) -> Settled[RunPlan]:
    """Settle a run.

    Raises:
        UsageError: a name, option or number that does not exist.
        DataError: a data set that is here is not what it should be.
        ResourceError: a device is not on this machine.
    """
    out = _out(request)
    used, cluster = nodes.places(request)
    search = Search(cache)
    methods = search.methods(request.methods or DEFAULT_METHODS, _wishes(request, used[0]))
    datasets = _subsets(search.datasets(request.datasets or DEFAULT_DATASETS), request)
    protocol = protocols.find(request.protocol)
    _check_protocol(methods, datasets, protocol)
    scoring = search.scoring(
        protocol,
        {flag: _metrics(request.metrics, protocol, has_reference=flag) for flag in (True, False)},
        {one.card.has_reference for one in datasets} or {True, False},
        skip=_skips(request),
        used=used,
        workers=request.workers,
    )
    prompts = search.prompts(methods, datasets, request.prompts, device=used[0])
    blanks: dict[str, str] = {}
    if request.missing == "blank":
        methods, prompts, blanks = _with_blanks(search, methods, datasets, prompts)
    scoring, lacking = nodes.scoring_on(cluster, scoring, cache, methods, prompts)
    search.missing += lacking
    complete = not search.missing
    plan = RunPlan(
        methods=methods,
        datasets=datasets,
        scoring=scoring,
        weight_hashes={
            one.key: search.hashes(one.card.name, one.card.weights) if complete else {}
            for one in methods
        },
        prompts=prompts,
        out=out,
        seed=request.seed,
        batch_size=request.batch_size,
        shard=request.shard or "",
        asked=request.model_dump(mode="json", exclude_defaults=True),
        printed=request.printed or "",
        blanks=blanks,
    )
    return Settled(plan, tuple(search.missing), tuple(search.skipped))


def _with_blanks(
    search: Search,
    methods: tuple[Method, ...],
    datasets: Sequence[OpenDataset],
    prompts: tuple[PromptSource, ...],
) -> tuple[tuple[Method, ...], tuple[PromptSource, ...], dict[str, str]]:
    """Return what is left of a run without what lacks something, and why the rest is left out.

    Where no method or no data set is left, nothing is left out, and all of it is missing.

    Returns:
        Methods, their prompts, and reasons by the title of a method or the id of a data set.
    """
    lacking = {method.title: lack for method in methods if (lack := _lacks(method, search.missing))}
    kept = tuple(method for method in methods if method.title not in lacking)
    if not kept or not datasets:
        return methods, prompts, {}
    blanks = {title: lack.error.cause for title, lack in lacking.items()}
    blanks |= {
        locate(item.name).card.id: item.error.cause
        for item in search.missing
        if item.what == "data set"
    }
    left_out = [item for item in search.missing if item.what != "prompts"]
    search.skipped += left_out
    search.missing = [item for item in search.missing if item.what == "prompts"]
    kinds = {one.card.prompt for one in kept if one.asks_for_prompts}
    return kept, tuple(one for one in prompts if one.kind in kinds), blanks


def _lacks(method: Method, missing: Iterable[Missing]) -> Missing | None:
    """Return the first thing that a method lacks: weights of its own, or of its prompts."""
    card = method.card
    for item in missing:
        own = item.needed_by == card.name and item.status and item.status.weight in card.weights
        if own or (method.asks_for_prompts and item.needed_by == card.prompt):
            return item
    return None


def _check_protocol(
    methods: Iterable[Method], datasets: Iterable[OpenDataset], protocol: Protocol
) -> None:
    """Refuse rows of methods that belong to one protocol under another, or on its sets.

    Raises:
        UsageError: a method that would stand in the wrong table.
    """
    for method in methods:
        wanted = method.card.protocol
        if not wanted:
            continue
        own = protocols.find(wanted).datasets
        others = [one.card.id for one in datasets if one.card.kind != "folder"]
        other = next((name for name in others if name not in own), "")
        if protocol.id != wanted or other:
            where = f"on '{other}'" if other else f"by protocol '{protocol.id}'"
            raise UsageError(
                f"'{method.key}' cannot be scored {where}: its rows belong to '{wanted}' alone.",
                f"Use: --protocol {wanted} --datasets {','.join(own)} (or folder:LR,HR)",
            )


def _skips(request: RunRequest | ScoreRequest) -> bool:
    """Return whether metrics without weights are left out: nobody named them, or --missing skip."""
    named = request.metrics or (isinstance(request, ScoreRequest) and _expected(request))
    policy = request.missing or ("error" if named else "skip")
    return policy in ("skip", "blank")


def settle_score(request: ScoreRequest, cache: ScoreCache) -> Settled[ScorePlan]:
    """Settle the scoring of a folder.

    Raises:
        UsageError: a name that does not exist, or a metric that needs references without any.
        DataError: the images of the two folders are not those of each other.
        ResourceError: a device is not on this machine.
    """
    used, cluster = nodes.places(request)
    paired = pair(request.sr, request.hr)
    protocol = protocols.find(request.protocol)
    referenced = request.hr is not None
    chosen = _chosen(request, protocol, referenced=referenced)
    search = Search(cache)
    scoring = search.scoring(
        protocol,
        {referenced: chosen},
        {referenced},
        skip=_skips(request),
        used=used,
        workers=request.workers,
    )
    scoring, lacking = nodes.scoring_on(cluster, scoring, cache)
    search.missing += lacking
    plan = _of_pairs(paired, scoring.metrics[referenced], scoring)
    return Settled(plan, tuple(search.missing))


def settle_verify(
    request: VerifyRequest, published: PublishedScores, cache: ScoreCache
) -> Settled[VerifyPlan]:
    """Settle the comparison of a folder with published scores.

    Raises:
        UsageError: a metric that was not published, or has no known tolerance; no references.
        DataError: the folder does not hold the published images.
        ResourceError: a device is not on this machine.
    """
    used = devices(request.device)
    chosen = choose_metrics(request.metrics, published)
    paired = pair(request.sr, request.hr, published.images, subset=request.subset)
    left_out = {}
    if len(paired.pairs) < len(published.images):
        reason = f"its published value is of all {len(published.images)} images"
        left_out = {metric: reason for metric in chosen if metric in published.sets}
    specs = _compared([one for one in chosen if one not in left_out], request)
    search = Search(cache)
    scoring = search.scoring(
        protocols.find(DEFAULT_PROTOCOL),
        {True: specs},
        {True},
        skip=False,
        used=used,
        workers=request.workers,
    )
    score = _of_pairs(paired, specs, scoring)
    plan = VerifyPlan(score=score, published=published, left_out=left_out)
    return Settled(plan, tuple(search.missing))


def settle_sets(
    identity: dict[str, Any], datasets: Sequence[str], cache: ScoreCache
) -> Settled[tuple[list[ImageSet], Scoring]]:
    """Settle the metrics of whole sets of a run whose images are there.

    Args:
        identity: of the run.
        datasets: where its data sets lie; not looked at where the run has no such metric.
        cache: what is known already.

    Raises:
        ConflictError: a metric or data set is not here what it was there.
    """
    then = identity["protocol"]["metrics"]
    specs = tuple(one for name, one in registry.metric_specs().items() if name in then)
    chosen = tuple(one for one in specs if one.level == "set")
    search = Search(cache)
    opened = search.datasets(datasets) if chosen else ()
    kinds = {True: chosen, False: tuple(one for one in chosen if not one.needs_reference)}
    scoring = search.scoring(
        protocols.find(identity["protocol"]["id"]),
        kinds,
        {True},
        skip=False,
        used=("cpu",),
        workers=None,
    )
    for metric, version in scoring.versions.items():
        _unchanged(metric, then[metric]["version"], version)
    for one in opened:
        known = identity["datasets"].get(one.card.id, {}).get("manifest_sha256")
        _unchanged(f"data set '{one.card.id}'", known, one.manifest_sha256)
    sets = [
        ImageSet(
            dataset=one.card.id,
            specs=kinds[one.card.has_reference],
            srs={},
            hrs={sample.id: sample.hr for sample in one.samples if sample.hr},
        )
        for one in opened
    ]
    return Settled((sets, scoring), tuple(search.missing))


def _unchanged(what: str, then: str | None, now: str) -> None:
    if then != now:
        raise ConflictError(
            f"{what} is {now} here and was {then} where the images were made.",
            "Use there and here the same versions and files.",
        )


def _chosen(
    request: ScoreRequest, protocol: Protocol, *, referenced: bool
) -> tuple[MetricSpec, ...]:
    """Return the metrics to compute; with `conventions`, all of each, or of the expected one."""
    expected = _expected(request)
    names = request.metrics or expected
    if names:
        chosen = select(names, protocol)
        needing = [spec.id for spec in chosen if spec.needs_reference and not referenced]
        if needing:
            raise UsageError(f"{', '.join(needing)} compare with a reference.", "Add: --hr DIR")
    else:
        chosen = of_protocol(protocol, has_reference=referenced)
    if not request.conventions:
        return chosen
    wanted = {spec.name for spec in chosen}
    return tuple(
        spec
        for spec in registry.metric_specs().values()
        if spec.name in wanted and (referenced or not spec.needs_reference)
    )


def _expected(request: ScoreRequest) -> tuple[str, ...]:
    """Return the metric that a value is expected of, if conventions are compared."""
    if not (request.conventions and request.expect):
        return ()
    return (parse_expected(request.expect)[0],)


def _compared(metrics: Sequence[str], request: VerifyRequest) -> tuple[MetricSpec, ...]:
    specs = registry.metric_specs()
    for metric in metrics:
        if metric not in specs:
            raise unknown("metric", metric, specs, see="mfsr-bench list metrics")
    needing = [metric for metric in metrics if specs[metric].needs_reference]
    if needing and request.hr is None:
        raise UsageError(
            f"{', '.join(needing)} need references.", "Give --hr DIR, or choose with --metrics."
        )
    return tuple(specs[metric] for metric in metrics)


def _of_pairs(paired: Pairs, specs: tuple[MetricSpec, ...], scoring: Scoring) -> ScorePlan:
    images = ImageSet(
        dataset=FOLDER,
        specs=specs,
        srs={SR: {one.image: one.sr for one in paired.pairs}},
        hrs={one.image: one.hr for one in paired.pairs if one.hr},
    )
    return ScorePlan(images=images, scoring=scoring, notes=paired.notes)


def _wishes(request: RunRequest, device: str) -> Wishes:
    prompts = request.prompts or ""
    return Wishes(
        device=device,
        dtype=request.dtype,
        mended=request.mended,
        offload=request.offload,
        prompts=prompts if prompts in ("", NO_PROMPTS) else "given",
    )


def _metrics(
    names: Sequence[str] | None, protocol: Protocol, *, has_reference: bool
) -> tuple[MetricSpec, ...]:
    if not names:
        return of_protocol(protocol, has_reference=has_reference)
    chosen = select(names, protocol)
    return tuple(spec for spec in chosen if has_reference or not spec.needs_reference)


def _subsets(datasets: Sequence[OpenDataset], request: RunRequest) -> tuple[OpenDataset, ...]:
    """Return the data sets with the images that are asked for alone; none without any.

    Raises:
        UnknownNameError: an image that no data set has, or a data set that has none of them.
    """
    wanted = frozenset(request.images or ())
    known = {dataset.card.id: {sample.id for sample in dataset.samples} for dataset in datasets}
    for name in request.images or ():
        if datasets and not any(name in images for images in known.values()):
            sets = "', '".join(known)
            every = sorted(set().union(*known.values()))
            raise unknown(
                f"image of '{sets}'",
                name,
                every,
                see=f"mfsr-bench datasets where {next(iter(known))}",
            )
    found = []
    for dataset in datasets:
        samples = dataset.samples
        if wanted:
            samples = tuple(sample for sample in samples if sample.id in wanted)
        samples = samples[: request.limit]
        if not samples:
            raise UsageError(
                f"'{dataset.card.id}' has none of the images that --images names.",
                "Leave that data set out.",
            )
        mine = _part({sample.id for sample in dataset.samples}, request.shard)
        samples = tuple(sample for sample in samples if sample.id in mine)
        if samples:
            found.append(replace(dataset, samples=samples))
    if datasets and not found:
        raise UsageError(f"Part {request.shard} holds no image.", "Cut into fewer parts.")
    return tuple(found)


def _part(images: set[str], shard: str | None) -> set[str]:
    """Return the images of a part: every N-th of the whole data set, whatever else is asked for.

    Raises:
        UsageError: there is no such part.
    """
    if not shard:
        return images
    part, of = map(int, shard.split("/"))
    if part > of:
        raise UsageError(f"--shard {shard}: there are {of} parts.", f"Use 1/{of} to {of}/{of}.")
    return set(sorted(images)[part - 1 :: of])


def _out(request: RunRequest) -> Path:
    """Return the run directory; the same command finds its own again.

    Raises:
        UsageError: no folder can have that name.
    """
    if request.out:
        for part in request.out.parts:
            check_length(part, "The folder name of --out")
        return request.out
    asked = [
        request.methods or DEFAULT_METHODS,
        request.datasets or DEFAULT_DATASETS,
        request.metrics or (),
        request.protocol,
        request.seed,
        request.dtype,
        request.mended,
        request.prompts or "",
        request.limit,
        request.images or (),
    ]
    digest = hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:8]
    names = "-".join(spec.partition(":")[0] for spec in request.datasets or DEFAULT_DATASETS)
    part = f"-{request.shard.replace('/', 'of')}" if request.shard else ""
    return Path("runs") / f"{names[:40]}-{digest}{part}"
