"""The nodes of a Ray cluster: connecting, choosing, and looking at each before it computes."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from benchmarks import requirements
from benchmarks.api.errors import PluginError, ResourceError, UsageError
from benchmarks.api.text import first_line
from benchmarks.devices import devices
from benchmarks.engine.preflight import OTHERWISE, Lack, inspect, needs_of
from benchmarks.missing import Missing
from benchmarks.plan import Cluster, Node
from benchmarks.request import LOCAL

if TYPE_CHECKING:
    from benchmarks.methods import Method
    from benchmarks.plan import PromptSource, Scoring
    from benchmarks.request import RunRequest, ScoreRequest
    from benchmarks.requirements import Requirement
    from benchmarks.results.cache import ScoreCache

_INSTALL = 'Run: pip install "mfsr-bench[ray]", or leave --engine out.'


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """A node, and what was found there."""

    node: Node
    lacks: tuple[Lack, ...]


def address_of(engine: str) -> str:
    """Return where `--engine ray` or `--engine ray://HOST:PORT` finds its cluster."""
    return engine if "://" in engine else os.environ.get("RAY_ADDRESS") or "auto"


@contextmanager
def connection(engine: str) -> Iterator[None]:
    """Hold the connection that an engine needs, and keep what Ray prints out of stdout."""
    if engine == LOCAL:
        yield
        return
    connect(address_of(engine))
    import ray

    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        ray.shutdown()


def connect(address: str) -> None:
    """Connect this process to a cluster, if it is not.

    Raises:
        PluginError: Ray is not installed.
        ResourceError: no cluster answers, or it runs other versions.
    """
    try:
        import ray
    except ImportError as error:
        raise PluginError(f"Ray does not load: {first_line(error)}.", _INSTALL) from None
    if ray.is_initialized():
        return
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, TimeoutError) as error:
        raise ResourceError(
            f"No Ray cluster answers at '{address}': {first_line(error)}",
            "Start one (ray start --head), or set RAY_ADDRESS: docs/scale.md",
        ) from None
    except (RuntimeError, ValueError) as error:
        raise ResourceError(
            f"The Ray cluster at '{address}' cannot be used: {' '.join(str(error).split())[:300]}",
            "Start it from the environment that this command runs in: docs/scale.md",
        ) from None


def alive(address: str) -> list[Node]:
    """Return the nodes that are there and offer cores or GPUs."""
    import ray

    connect(address)
    found = []
    for one in ray.nodes():
        cpus, gpus = (int(one["Resources"].get(kind, 0)) for kind in ("CPU", "GPU"))
        if one["Alive"] and (cpus or gpus):
            name = one["NodeManagerAddress"]
            found.append(Node(id=one["NodeID"], name=name, cpus=cpus, gpus=gpus))
    names = [node.name for node in found]
    return sorted(
        (replace(n, name=f"{n.name}/{n.id[:6]}") if names.count(n.name) > 1 else n for n in found),
        key=lambda node: node.name,
    )


def places(request: RunRequest | ScoreRequest) -> tuple[tuple[str, ...], Cluster | None]:
    """Return a device per worker, and the cluster that these are on, if any.

    Raises:
        UsageError, ResourceError, PluginError: there is no such place.
    """
    if request.engine == LOCAL:
        return devices(request.device), None
    if request.workers == 0:
        raise UsageError(
            "--workers 0 computes in this process, --engine ray on other machines.",
            "Leave one of the two out.",
        )
    cluster, used = choose(request.engine, request.nodes, request.device)
    cores = cluster.places(gpus=0, whole=False)
    return used, replace(cluster, workers=request.workers or cores)


def scoring_on(
    cluster: Cluster | None,
    scoring: Scoring,
    cache: ScoreCache,
    methods: Sequence[Method] = (),
    prompts: Sequence[PromptSource] = (),
) -> tuple[Scoring, list[Missing]]:
    """Return the scoring as it is done on a cluster, and what its nodes lack for a run."""
    if cluster is None:
        return scoring, []
    specs = dict.fromkeys(spec for chosen in scoring.metrics.values() for spec in chosen)
    needs = (
        *requirements.of_methods(method.card for method in methods),
        *requirements.of_prompts(one.extractor.card for one in prompts if one.extractor),
        *requirements.of_metrics(spec for spec in specs if spec.id in scoring.versions),
    )
    computing = [method for method in methods if method.restorer.computes]
    cluster, missing = look_at(cluster, needs, computing, cache)
    return replace(scoring, cluster=cluster, workers=cluster.workers), missing


def choose(
    engine: str, wanted: Sequence[str] | None, device: Sequence[str] | None
) -> tuple[Cluster, tuple[str, ...]]:
    """Return the nodes that are to be used, and a device per worker.

    Args:
        engine: as it was asked for.
        wanted: names or ids of nodes; None for all.
        device: "cpu" or "cuda"; None for the GPUs if there are any.

    Raises:
        PluginError: Ray is not installed.
        ResourceError: there is no cluster, no node, or none of what was named.
        UsageError: a device by number.
    """
    address = address_of(engine)
    found = alive(address)
    for name in wanted or ():
        if not any(name in (node.name, node.id) for node in found):
            raise ResourceError(
                f"The cluster has no node '{name}'.",
                f"It has: {', '.join(node.name for node in found) or 'none'}",
            )
    used = tuple(node for node in found if not wanted or {node.name, node.id} & {*wanted})
    if not used:
        raise ResourceError(
            "The Ray cluster offers no cores.", "Add nodes: ray start --address=HOST:6379"
        )
    return Cluster(address=address, nodes=used), _devices(used, device)


def _devices(used: Sequence[Node], device: Sequence[str] | None) -> tuple[str, ...]:
    gpus = sum(node.gpus for node in used)
    if device and tuple(device) not in (("cpu",), ("cuda",)):
        raise UsageError(
            f"--device {','.join(device)} names devices of one machine.",
            "With --engine ray, use cpu or cuda.",
        )
    if device == ("cuda",) and not gpus:
        raise ResourceError("No node of the cluster has a GPU.", "Use --device cpu.")
    if gpus and device != ("cpu",):
        return ("cuda:0",) * gpus  # the name that a worker knows its own GPU by
    return ("cpu",) * sum(node.cpus > 0 for node in used)


def look_at(
    cluster: Cluster,
    requirements: Sequence[Requirement],
    methods: Sequence[Method],
    cache: ScoreCache,
) -> tuple[Cluster, list[Missing]]:
    """Return the cluster as its nodes describe themselves, and all that they lack."""
    needs = needs_of(requirements, methods, cache)
    found = inspected(cluster.nodes, needs)
    missing = [
        Missing(
            what="node",
            name=f"{one.node.name}: {lack.what}",
            needed_by=lack.needed_by,
            error=lack.error,
        )
        for one in found
        for lack in one.lacks
    ]
    nodes = tuple(one.node for one in found)
    return replace(cluster, nodes=nodes, needs=needs), missing


def _on(node: Node, function: Any, **options: Any) -> Any:
    """Return a function as a task of a node that takes nothing of it."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    there = NodeAffinitySchedulingStrategy(node.id, soft=False)
    return ray.remote(function).options(
        num_cpus=0, max_retries=0, scheduling_strategy=there, **options
    )


def probe(node: Node) -> Any:
    """Return a reference that is good if a node lives, and raises Ray's error if it does not."""
    return _on(node, _nothing, name="is it there?").remote()


def _nothing() -> None:
    pass


def inspected(found: Sequence[Node], needs: bytes) -> tuple[Inspected, ...]:
    """Look at nodes, all at once; one that does not answer lacks everything."""
    import ray

    asked = [_on(node, inspect, name="preflight").remote(needs) for node in found]
    return tuple(_answer(node, ray, one) for node, one in zip(found, asked, strict=True))


def _answer(node: Node, ray: Any, asked: Any) -> Inspected:
    try:
        facts, lacks = ray.get(asked, timeout=600)
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None) or error
        broken = ResourceError(
            f"mfsr-bench does not work there: {type(cause).__name__}: {first_line(cause)}",
            f"Install there what is installed here, {OTHERWISE}",
        )
        facts, lacks = {}, [Lack(what="mfsr-bench", needed_by="the run", error=broken)]
    named = [
        replace(one, error=type(one.error)(f"On {node.name}: {one.error.cause}", one.error.remedy))
        for one in lacks
    ]
    return Inspected(node=replace(node, facts=facts), lacks=tuple(named))
