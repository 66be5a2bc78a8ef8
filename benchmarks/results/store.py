"""The rows of one run, in one SQLite file: appended as work is done, never counted twice.

Every row has a natural key, so that writing it again changes nothing; the files that people read
(`scores.csv` and its siblings) are written from here, sorted, and so do not depend on the order in
which workers finished.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.results import sqlite
from benchmarks.results.rows import (
    FailureRow,
    ImageRow,
    PromptRow,
    ScoreRow,
    SetScoreRow,
    TimingRow,
)

FILE = "results.sqlite"
_VERSION = 2
_COMMIT_S = 1.0  # seconds between two commits, at least
_SCHEMA = """
CREATE TABLE images (
    dataset TEXT, method TEXT, image TEXT, sha256 TEXT, width INTEGER, height INTEGER, seed INTEGER,
    sha256_pixels TEXT,
    PRIMARY KEY (dataset, method, image)) WITHOUT ROWID;
CREATE TABLE scores (
    dataset TEXT, method TEXT, image TEXT, metric TEXT, value REAL,
    PRIMARY KEY (dataset, method, image, metric)) WITHOUT ROWID;
CREATE TABLE set_scores (
    dataset TEXT, method TEXT, metric TEXT, n INTEGER, value REAL,
    PRIMARY KEY (dataset, method, metric)) WITHOUT ROWID;
CREATE TABLE failures (
    dataset TEXT, method TEXT, image TEXT, stage TEXT, metric TEXT, error TEXT, cause TEXT,
    PRIMARY KEY (dataset, method, image, stage, metric)) WITHOUT ROWID;
CREATE TABLE prompts (
    dataset TEXT, kind TEXT, image TEXT, lr_sha256 TEXT, source TEXT, prompt TEXT, seconds REAL,
    PRIMARY KEY (dataset, kind, image)) WITHOUT ROWID;
CREATE TABLE timings (
    dataset TEXT, method TEXT, image TEXT, seconds REAL, stages TEXT,
    PRIMARY KEY (dataset, method, image)) WITHOUT ROWID;
"""
# Format 1 had no hash of pixels.
_UPGRADES = {1: "ALTER TABLE images ADD COLUMN sha256_pixels TEXT NOT NULL DEFAULT '';"}
TABLES: dict[type, str] = {
    ImageRow: "images",
    ScoreRow: "scores",
    SetScoreRow: "set_scores",
    FailureRow: "failures",
    PromptRow: "prompts",
    TimingRow: "timings",
}
Row = ImageRow | ScoreRow | SetScoreRow | FailureRow | PromptRow | TimingRow
R = TypeVar("R", ImageRow, ScoreRow, SetScoreRow, FailureRow, PromptRow, TimingRow)


class RunStore:
    """The rows of the run in `folder`, or in memory. One process writes; others may read.

    Rows are committed at most once a second, so that a run of small images does not wait for the
    disk; what is written less often is committed at once. A process that is killed loses the work
    of its last second, which a resumed run does again.
    """

    def __init__(self, folder: Path | None, *, read_only: bool = False) -> None:
        self.path = folder / FILE if folder else sqlite.MEMORY
        self._committed = -math.inf
        self._db = (
            sqlite.open_to_read(self.path, _SCHEMA, version=_VERSION, upgrades=_UPGRADES)
            if read_only
            else sqlite.connect(self.path, _SCHEMA, version=_VERSION, upgrades=_UPGRADES)
        )

    def close(self) -> None:
        """Commit and close the file."""
        try:
            self.commit()
        finally:
            self._db.close()

    def commit(self) -> None:
        """Put on the disk what was written.

        Raises:
            ResourceError: the disk is full or refuses the write.
        """
        sqlite.commit(self._db, self.path)
        self._committed = time.monotonic()

    def write(self, rows: Iterable[Row]) -> None:
        """Write rows, all of them or none; a row with the same key is replaced.

        A success takes back the failure recorded for the same work, and an image with other
        pixels takes back the scores of the old one.

        Raises:
            ResourceError: the disk is full or refuses the write.
        """
        with sqlite.part(self._db, self.path):
            for row in rows:
                self._supersede(row)
                marks = ", ".join("?" * len(_COLUMNS[type(row)]))
                self._db.execute(
                    f"INSERT OR REPLACE INTO {TABLES[type(row)]} VALUES ({marks})", _pack(row)
                )
        if time.monotonic() - self._committed >= _COMMIT_S:
            self.commit()

    def _supersede(self, row: Row) -> None:
        if isinstance(row, ImageRow):
            key = (row.dataset, row.method, row.image)
            self._db.execute(
                "DELETE FROM scores WHERE (dataset, method, image) = (?, ?, ?) AND EXISTS"
                " (SELECT 1 FROM images WHERE (dataset, method, image) = (?, ?, ?)"
                " AND sha256 <> ? AND (sha256_pixels = '' OR sha256_pixels <> ?))",
                (*key, *key, row.sha256, row.sha256_pixels),
            )
            self._db.execute(
                "DELETE FROM failures WHERE (dataset, method, image) = (?, ?, ?)"
                " AND stage = 'restore'",
                key,
            )
        elif isinstance(row, ScoreRow | SetScoreRow):
            image = row.image if isinstance(row, ScoreRow) else ""
            self._db.execute(
                "DELETE FROM failures WHERE (dataset, method, image, metric) = (?, ?, ?, ?)"
                " AND stage = 'score'",
                (row.dataset, row.method, image, row.metric),
            )

    def rows(self, kind: type[R], /, **where: str) -> Iterator[R]:
        """Yield the rows of one kind, sorted by key, that have the given values.

        Raises:
            DataError: the file is damaged.
        """
        condition = " AND ".join(f"{column} = ?" for column in where) or "1"
        columns = ", ".join(_COLUMNS[kind])
        try:
            for values in self._db.execute(
                f"SELECT {columns} FROM {TABLES[kind]} WHERE {condition} ORDER BY {_KEYS[kind]}",
                tuple(where.values()),
            ):
                yield _unpack(kind, values)
        except (*sqlite.Error, ValueError, TypeError, RecursionError) as error:
            raise sqlite.unreadable(self.path, error) from None

    def methods(self) -> set[str]:
        """Return the row keys of the methods that have images.

        Raises:
            ConflictError: the file is damaged.
        """
        try:
            return {key for (key,) in self._db.execute("SELECT DISTINCT method FROM images")}
        except sqlite.Error as error:
            raise sqlite.explain(error, self.path) from None

    def forget(self, metric: str) -> bool:
        """Delete the scores of a metric and its failures; return whether there were any."""
        found = 0
        with sqlite.part(self._db, self.path):
            for table in ("scores", "set_scores", "failures"):
                found += self._db.execute(
                    f"DELETE FROM {table} WHERE metric = ?", (metric,)
                ).rowcount
        return found > 0


_COLUMNS = {kind: tuple(field.name for field in fields(kind)) for kind in TABLES}
_PLAIN: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (float, int)}
_TYPES = {
    kind: tuple(_PLAIN.get(str(field.type), (dict,)) for field in fields(kind)) for kind in TABLES
}
# Types of whole rows that were found to be right: a run has one or two of them.
_SOUND: dict[type, set[tuple[type, ...]]] = {kind: set() for kind in TABLES}
_KEYS: dict[type, str] = {
    ImageRow: "dataset, method, image",
    ScoreRow: "dataset, method, image, metric",
    SetScoreRow: "dataset, method, metric",
    FailureRow: "dataset, method, image, stage, metric",
    PromptRow: "dataset, kind, image",
    TimingRow: "dataset, method, image",
}


def _pack(row: Row) -> tuple[Any, ...]:
    values = tuple(getattr(row, name) for name in _COLUMNS[type(row)])
    return (*values[:-1], json.dumps(row.stages)) if isinstance(row, TimingRow) else values


def _unpack(kind: type[R], values: tuple[Any, ...]) -> R:
    """Return a row.

    Raises:
        TypeError, ValueError: a value is not of the type of its column.
    """
    if kind is TimingRow:
        *plain, stages = values
        values = (*plain, json.loads(stages) if stages != "{}" else {})
    types = tuple(map(type, values))
    if types not in _SOUND[kind]:
        for at, found in enumerate(types):
            if found not in _TYPES[kind][at]:
                where = f"{TABLES[kind]}.{_COLUMNS[kind][at]}"
                raise TypeError(f"{where} holds {str(values[at])[:40]!r}")
        _SOUND[kind].add(types)
    if float in types:
        for at, value in enumerate(values):
            if type(value) is float and not math.isfinite(value):
                raise ValueError(f"{TABLES[kind]}.{_COLUMNS[kind][at]} holds {value}")
    return kind(**dict(zip(_COLUMNS[kind], values, strict=True)))
