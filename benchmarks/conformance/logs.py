"""The published logs that we know, as data, and how one is brought here."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from benchmarks.api import paths
from benchmarks.api.images import sha256_file
from benchmarks.api.names import unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedLog:
    """A log of scores per image that the authors of a method put beside their images."""

    name: str  # "osediff-realsr"
    title: str
    source: str  # repository and commit
    licence: str
    method: str  # title of the method
    steps: int
    dataset: str  # data set id
    n: int  # images
    url: str
    sha256: str
    arithmetic: str  # "tf32" where convolutions were computed so, "" for float32
    means: Mapping[str, float]  # the set means that it prints, by its own column titles


@cache
def logs() -> dict[str, PublishedLog]:
    """Return all known logs by name."""
    text = files("benchmarks.conformance").joinpath("logs.toml").read_text(encoding="utf-8")
    return {name: PublishedLog(name=name, **facts) for name, facts in tomllib.loads(text).items()}


def find(name: str) -> PublishedLog:
    """Return the log called `name`.

    Raises:
        UnknownNameError: there is none.
    """
    known = logs()
    if name not in known:
        raise unknown("published log", name, known, see="mfsr-bench verify --help")
    return known[name]


def recognise(path: Path) -> PublishedLog | None:
    """Return the known log that a file is a copy of, by its hash, or None."""
    if not path.is_file():
        return None
    sha256 = sha256_file(path)
    return next((log for log in logs().values() if log.sha256 == sha256), None)


def fetch(log: PublishedLog) -> Path:
    """Return the path of the log on this machine, downloaded once and checked every time.

    Raises:
        DataError: its address does not answer, or answers with other bytes.
    """
    from benchmarks.api.download import download

    place = paths.cache() / "conformance" / f"{log.name}.log"
    if place.is_file() and sha256_file(place) == log.sha256:
        return place
    return download((log.url,), place, sha256=log.sha256)
