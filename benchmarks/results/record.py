"""What run.json and sessions.jsonl may hold: they may be a stranger's, edited, or damaged.

A key may be missing, since older versions wrote fewer, and others are left alone; what is there is
of the type that readers count on, and what names files leads nowhere else.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

from benchmarks.api.card import NAME

_LONGEST = 250  # bytes, with a suffix what file systems take
_UNSAFE = re.compile(r"[^A-Za-z0-9._@+=-]")
_LENIENT = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False)
_document = dataclass(frozen=True, slots=True, kw_only=True, config=_LENIENT)


def slug(name: str) -> str:
    """Return a row key or kind as a folder name."""
    return _UNSAFE.sub("-", name)


def is_dataset(name: str) -> bool:
    """Whether a name is one of a data set, and so of a folder."""
    return NAME.fullmatch(name) is not None


def is_method(key: str) -> bool:
    """Whether the folder of a row key lies where it should."""
    return slug(key) not in ("", ".", "..")


def is_image(name: str) -> bool:
    """Whether an id is a file name without suffix."""
    return not {"/", "\0"} & set(name) and len(name.encode(errors="replace")) <= _LONGEST


def _name(name: str) -> str:
    if not is_dataset(name):
        raise ValueError("no data set has such a name")
    return name


def _key(key: str) -> str:
    if not is_method(key):
        raise ValueError("no method has such a key")
    return key


_Texts = tuple[str, ...] | None


@_document
class _Metric:
    title: str = ""
    higher_is_better: bool = True
    level: Literal["sample", "set"] = "sample"
    needs_reference: bool = True
    decimals: Annotated[int, Field(ge=0, le=20)] = 0
    version: str | None = None
    definition: str | None = None
    settings: dict[str, Any] | None = None


@_document
class _Card:
    title: str = ""
    base_model: str | None = None
    prompt: str | None = None
    colour_fix: str | None = None
    paper: dict[str, Any] | None = None
    upstream: dict[str, Any] | None = None
    deviations: _Texts = None
    quirks: _Texts = None


@_document
class _Method:
    title: str = ""
    steps: int | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    dtype: str | None = None
    faithful: bool = False
    weights: dict[str, Any] | None = None
    card: _Card = _Card()


@_document
class _Dataset:
    title: str = ""
    n: Annotated[int, Field(ge=0)] = 0
    has_reference: bool = True
    manifest_sha256: str | None = None


@_document
class _Protocol:
    id: str = ""
    hash: str = ""
    rule: str = ""
    with_reference: _Texts = None
    without_reference: _Texts = None
    metrics: dict[str, _Metric]


@_document
class _Identity:
    protocol: _Protocol
    methods: dict[Annotated[str, AfterValidator(_key)], _Method]
    datasets: dict[Annotated[str, AfterValidator(_name)], _Dataset]
    seed: int


@_document
class _Tool:
    version: str | None = None
    commit: str | None = None
    dirty: bool | None = None


@_document
class RunRecord:
    """`run.json`."""

    schema: int
    identity: _Identity
    tool: _Tool = _Tool()
    skipped_metrics: dict[str, str] | None = None


@_document
class _Machine:
    cpu: str | None = None
    cores: int | None = None
    gpus: _Texts = None


@_document
class SessionRecord:
    """A line of `sessions.jsonl`."""

    session: str | None = None
    argv: _Texts = None
    started: str | None = None
    finished: str | None = None
    exit_code: int | None = None
    datasets: dict[str, str] | None = None
    tool: _Tool | None = None
    packages: dict[str, str | None] | None = None
    machine: _Machine | None = None
