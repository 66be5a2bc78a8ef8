"""Votes and raters as rows: what `study ingest` writes and `study analyse` reads."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable
from dataclasses import Field, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.api.errors import DataError
from benchmarks.api.images import show, write_atomic

VOTES = "votes.csv"
RATERS = "raters.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One answer: `votes.csv`. `mark` says why it does not count; empty where it may."""

    session: str
    rater: str
    trial: str
    kind: str  # "rated", "repeat", "obvious"; empty where the trial is unknown
    dataset: str
    image: str
    shown: tuple[str, ...]  # method keys by place; of unknown stimuli their blind names
    chosen: str
    place: int  # of what was chosen, from 1; 0 where it was not shown
    seconds: float
    mark: str
    source: str  # where it came from


@dataclass(frozen=True, slots=True, kw_only=True)
class RaterRow:
    """One person: `raters.csv`. `excluded` says why he or she does not count."""

    session: str
    rater: str
    source: str
    started: str
    finished: str
    code: str  # "right", "wrong", or empty where there is none
    rated: int  # answers that may count
    trials: int  # that there were to answer
    marked: int  # answers that do not count
    obvious: int
    failed_obvious: int
    repeats: int
    agreed_repeats: int
    fast: int  # answers in less than the rule's time
    median_seconds: float
    screen: str  # "1280x800@2"
    excluded: str


R = TypeVar("R")


def write_rows(path: Path, kind: type[R], rows: Iterable[R]) -> None:
    """Write rows, which are dataclasses, as CSV; the same rows are the same bytes."""
    names = [field.name for field in _fields(kind)]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow(_plain(getattr(row, name)) for name in names)
    write_atomic(path, text.getvalue().encode())


def _plain(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, tuple) else value


def read_rows(path: Path, kind: type[R]) -> tuple[R, ...]:
    """Read rows.

    Raises:
        DataError: the file is not there, or is not what `write_rows` writes.
    """
    try:
        text = path.read_text("utf-8")
        rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        return tuple(_row(kind, row) for row in rows)
    except FileNotFoundError:
        raise DataError(
            f"No such file: {show(path)}", "Make it first: mfsr-bench study ingest"
        ) from None
    except (OSError, ValueError, TypeError, KeyError, csv.Error) as error:
        raise DataError(
            f"{show(path)} cannot be read: {type(error).__name__}: {error}.",
            "Write it anew: mfsr-bench study ingest",
        ) from None


def _fields(kind: type[Any]) -> tuple[Field[Any], ...]:
    return fields(kind)


def _row(kind: type[R], row: dict[str, str]) -> R:
    values = {field.name: _READERS[str(field.type)](row[field.name]) for field in _fields(kind)}
    return kind(**values)


def _tuple(text: str) -> tuple[str, ...]:
    return tuple(map(str, json.loads(text)))


_READERS: dict[str, Callable[[str], Any]] = {
    "int": int,
    "float": float,
    "str": str,
    "tuple[str, ...]": _tuple,
}
