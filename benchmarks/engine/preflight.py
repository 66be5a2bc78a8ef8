"""What a node of a cluster must have, and what it lacks: found there, by the code that runs there.

A node must compute as the driver does: the same program, packages and weights.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.api.card import WeightFile
from benchmarks.api.errors import MFSRBenchError, PluginError, ResourceError, WeightsCorruptError
from benchmarks.api.text import first_line
from benchmarks.api.weights import WeightStore
from benchmarks.engine.node import pack, unpack
from benchmarks.results import provenance
from benchmarks.results.cache import ScoreCache

if TYPE_CHECKING:
    from benchmarks.methods import Method
    from benchmarks.requirements import Requirement

_ROOMS = ("mfsr", "baselines", "benchmarks", "reports")
OTHERWISE = "or name other nodes: --nodes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a node must have."""

    versions: Mapping[str, str | None]  # of this machine, by package
    requirements: tuple[Requirement, ...]
    hashes: Mapping[str, str]  # of weights here, by "owner/name"
    methods: tuple[Method, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """Something that a node has not, or has otherwise."""

    what: str
    needed_by: str
    error: MFSRBenchError


def versions() -> dict[str, str | None]:
    """Return what must be the same on every node: Python, this program, and its packages."""
    major, minor, _ = platform.python_version_tuple()
    return {"Python": f"{major}.{minor}", "mfsr-bench": _sources(), **provenance.packages()}


@cache
def _sources() -> str:
    """Return a hash of this program's source files."""
    root, digest = Path(__file__).parents[2], hashlib.sha256()
    for path in sorted(path for room in _ROOMS for path in (root / room).rglob("*.py")):
        digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def needs_of(
    requirements: Sequence[Requirement], methods: Sequence[Method], cache: ScoreCache
) -> bytes:
    """Return what a node must have, packed; weights that are not here are left out."""
    here = [one for one in requirements if not one.status(WeightStore()).error]
    needs = Needs(
        versions=versions(),
        requirements=tuple(here),
        hashes={name: value for one in here for name, value in _hashes(one, cache).items()},
        methods=tuple(methods),
    )
    return pack(needs)


def _hashes(need: Requirement, cache: ScoreCache) -> dict[str, str]:
    """Return the sha256 of a weight's files on this machine; unchanged files are not read again."""
    path = WeightStore().require(need.owner, need.weight)
    name = f"{need.owner}/{need.weight.name}"
    if isinstance(need.weight, WeightFile):
        return {name: cache.sha256(path)}
    return {f"{name}/{file}": cache.sha256(path / file) for file in need.weight.files}


def inspect(packed: bytes) -> tuple[dict[str, Any], list[Lack]]:
    """Look at this machine: what it is, and what of the needs it lacks."""
    facts = {"machine": provenance.machine(), "tool": provenance.tool(), "versions": versions()}
    try:
        needs = unpack(packed, Path("/"))
    except Exception as error:  # a plugin that is not installed here, in all forms
        missing = PluginError(
            f"A package of the driver is not there: {type(error).__name__}: {first_line(error)}",
            f"Install there what is installed here, {OTHERWISE}",
        )
        return facts, [Lack(what="a package", needed_by="the run", error=missing)]
    lacks = [*_other_versions(needs.versions), *_weights(needs), *_arguments(needs.methods)]
    return facts, lacks


def _other_versions(wanted: Mapping[str, str | None]) -> Iterator[Lack]:
    here = versions()
    for name, version in wanted.items():
        if here.get(name) != version:
            what = "source files" if name == "mfsr-bench" else "version"
            error = ResourceError(
                f"{name} has {what} {here.get(name)} where the driver has {version}.",
                f"Install there what is installed here, {OTHERWISE}",
            )
            yield Lack(what=name, needed_by="the run", error=error)


def _weights(needs: Needs) -> Iterator[Lack]:
    cache = ScoreCache()
    for need in needs.requirements:
        error = need.status(WeightStore()).error
        if not error:
            found = _hashes(need, cache)
            if any(needs.hashes[name] != value for name, value in found.items()):
                error = WeightsCorruptError(
                    f"{need.weight.name} of '{need.owner}' is another file than the driver's.",
                    "Copy the driver's file there.",
                )
        if error:
            yield Lack(what=need.weight.name, needed_by=", ".join(need.needed_by), error=error)


def _arguments(methods: Sequence[Method]) -> Iterator[Lack]:
    """Yield the methods whose files (`spandrel:FILE`) are not there, or others."""
    for method in methods:
        argument = method.runtime.argument
        try:
            same = method.restorer.fingerprint(argument) == method.fingerprint
        except (MFSRBenchError, OSError):
            same = False
        if not same:
            error = ResourceError(
                f"'{argument}' of '{method.key}' is not there, or another file.",
                "Copy it there, under the same path.",
            )
            yield Lack(what=argument, needed_by=method.key, error=error)
