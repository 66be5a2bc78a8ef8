"""What a run was: the part of `run.json` that decides its numbers, as typed data."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from benchmarks import registry
from benchmarks.api.errors import DataError
from benchmarks.api.images import show
from benchmarks.results.session import read_sessions

if TYPE_CHECKING:
    from benchmarks.results.rows import RunResults


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """How the images were scored."""

    id: str  # "mfsr-paper-v1"
    hash: str  # hex
    rule: str = ""  # quantisation and crop, in words
    # Its metric ids for data sets with (True) and without references, in the order of columns;
    # empty where not recorded.
    columns: Mapping[bool, tuple[str, ...]] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The id with enough of the hash to tell two versions apart."""
        return f"{self.id} ({self.hash[:12]})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One column."""

    id: str
    title: str
    higher_is_better: bool
    level: Literal["sample", "set"]
    needs_reference: bool
    decimals: int
    facts: Mapping[str, Any] = field(repr=False)  # the whole record, to compare two runs by

    @property
    def name(self) -> str:
        """The part of the id before the `@`."""
        return self.id.partition("@")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One row of each group."""

    key: str  # "mfsr@2"
    title: str  # "MFSR-2s"
    card_title: str  # "MFSR"
    steps: int | None
    options: Mapping[str, str]  # those that differ from the method's defaults
    facts: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """One group of rows."""

    id: str
    title: str
    n: int  # images of the set as the run used it
    has_reference: bool
    manifest: str  # sha256 of the list of its files; empty where there is none


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Where numbers come from."""

    name: str
    seed: int
    version: str  # of mfsr-bench
    commit: str
    dirty: bool
    skipped: Mapping[str, str]  # metric id -> why it was left out
    command: str  # that goes on with it, and finishes it
    # Why a method (by title) or a data set (by id) that was asked for is left out.
    blanks: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The run and the program that made it, in one line."""
        commit = f", commit {self.commit[:12]}" if self.commit else ""
        changed = ", with uncommitted changes" if self.dirty else ""
        return f"{self.name}: mfsr-bench {self.version}{commit}{changed}, seed {self.seed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """All of the above for one run; the mappings keep the order in which the user named things."""

    protocol: Protocol
    metrics: Mapping[str, Metric]
    methods: Mapping[str, Method]
    datasets: Mapping[str, Dataset]
    run: Run


def identity_of(results: RunResults) -> Identity:
    """Return what a run was.

    Raises:
        DataError: `run.json` lacks something that every run records.
    """
    try:
        return _identity(results)
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"run.json of {show(results.path)} is incomplete: {type(error).__name__}: {error}",
            "It was edited or written by another program; make the run again in a new folder.",
        ) from None


def _identity(results: RunResults) -> Identity:
    facts = results.run["identity"]
    protocol = facts["protocol"]
    tool = results.run["tool"]
    skipped = dict(results.run.get("skipped_metrics") or {})
    return Identity(
        protocol=Protocol(
            id=protocol["id"],
            hash=protocol["hash"],
            rule=str(protocol.get("rule", "")),
            columns={
                True: tuple(protocol.get("with_reference", ())),
                False: tuple(protocol.get("without_reference", ())),
            },
        ),
        metrics={
            key: _metric(key, value)
            for key, value in {**protocol["metrics"], **_left_out(protocol, skipped)}.items()
        },
        methods={key: _method(key, value) for key, value in facts["methods"].items()},
        datasets={key: _dataset(key, value) for key, value in facts["datasets"].items()},
        run=Run(
            name=results.path.resolve().name,
            seed=facts["seed"],
            version=tool["version"],
            commit=tool.get("commit") or "",
            dirty=bool(tool.get("dirty")),
            skipped=skipped,
            command=_command(results, skipped),
            blanks=dict(results.run.get("blanks") or {}),
        ),
    )


def _command(results: RunResults, skipped: Mapping[str, str]) -> str:
    """Return the command that goes on with a run: all that joined it, as it lies here."""
    facts = results.run["identity"]
    specs: dict[str, str] = {}
    for session in read_sessions(results.path):
        specs |= session.get("datasets") or {}
    datasets = [specs.get(name, name) for name in facts["datasets"]]
    words = ["mfsr-bench", "run", "--out", show(results.path)]
    words += ["--methods", ",".join(facts["methods"])]
    words += [word for one in datasets for word in ("--datasets", one)]
    words += ["--seed", str(facts["seed"])] if facts["seed"] else []
    words += ["--missing", "skip"] if skipped else []
    return shlex.join(words)


def _left_out(protocol: Mapping[str, Any], skipped: Mapping[str, str]) -> dict[str, Any]:
    """Return the facts of skipped metrics that the run did not record: their columns stay."""
    unrecorded = set(skipped).difference(protocol["metrics"])
    if not unrecorded:
        return {}
    return {key: asdict(spec) for key, spec in registry.metric_specs().items() if key in unrecorded}


def _metric(key: str, facts: Mapping[str, Any]) -> Metric:
    return Metric(
        id=key,
        title=facts["title"],
        higher_is_better=facts["higher_is_better"],
        level=facts["level"],
        needs_reference=facts["needs_reference"],
        decimals=facts["decimals"],
        facts=facts,
    )


def _method(key: str, facts: Mapping[str, Any]) -> Method:
    return Method(
        key=key,
        title=facts["title"],
        card_title=facts["card"]["title"],
        steps=facts["steps"],
        options=facts["options"],
        facts=facts,
    )


def _dataset(key: str, facts: Mapping[str, Any]) -> Dataset:
    return Dataset(
        id=key,
        title=facts["title"],
        n=facts["n"],
        has_reference=facts["has_reference"],
        manifest=facts.get("manifest_sha256") or "",
    )
