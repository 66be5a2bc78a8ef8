"""Votes and raters as rows: what `study ingest` writes and `study analyse` reads."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator
from pydantic.dataclasses import dataclass as document

from benchmarks.api import documents
from benchmarks.api.documents import STRICT
from benchmarks.api.errors import DataError
from benchmarks.api.images import show, write_atomic

VOTES = "votes.csv"
RATERS = "raters.csv"


def _names(value: Any) -> Any:
    """Return the names in a cell, which holds a JSON list."""
    return tuple(json.loads(value)) if isinstance(value, str) else value


_Names = Annotated[tuple[str, ...], BeforeValidator(_names)]


@document(frozen=True, slots=True, kw_only=True, config=STRICT)
class Vote:
    """One answer: `votes.csv`. `mark` says why it does not count; empty where it may."""

    session: str
    rater: str
    trial: str
    kind: str  # "rated", "repeat", "obvious"; empty where the trial is unknown
    dataset: str
    image: str
    shown: _Names  # method keys by place; of unknown stimuli their blind names
    chosen: str
    place: int  # of what was chosen, from 1; 0 where it was not shown
    seconds: float
    mark: str
    source: str  # where it came from


@document(frozen=True, slots=True, kw_only=True, config=STRICT)
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
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
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
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"Cannot read {show(path)}: {error}.", "Write it: mfsr-bench study ingest"
        ) from None
    return documents.parse_rows(kind, text, where=show(path), error=DataError)
