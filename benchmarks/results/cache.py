"""What is never computed twice on this machine: hashes, scores, features, prompts, speeds.

A score is keyed by the content of the image and of its reference and by the metric's full version,
so it is right wherever and whenever it is asked for again. Losing the file costs time alone.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.api import images, paths
from benchmarks.api.errors import ConflictError, MFSRBenchError
from benchmarks.results import sqlite

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FILE = "scores.sqlite"
_VERSION = 1
_SCHEMA = """
CREATE TABLE hashes (
    path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, inode INTEGER,
    sha256 TEXT) WITHOUT ROWID;
CREATE TABLE scores (
    sr TEXT, hr TEXT, metric TEXT, version TEXT, value REAL,
    PRIMARY KEY (sr, hr, metric, version)) WITHOUT ROWID;
CREATE TABLE features (
    image TEXT, metric TEXT, version TEXT, vector BLOB,
    PRIMARY KEY (image, metric, version)) WITHOUT ROWID;
CREATE TABLE prompts (
    lr TEXT, kind TEXT, version TEXT, prompt TEXT, seconds REAL,
    PRIMARY KEY (lr, kind, version)) WITHOUT ROWID;
CREATE TABLE speeds (
    method TEXT, device TEXT, seconds_per_megapixel REAL, measured_at TEXT,
    PRIMARY KEY (method, device)) WITHOUT ROWID;
"""
# Later than the others: a file from before has no such table.
_FITS = """
CREATE TABLE IF NOT EXISTS fits (
    method TEXT, device TEXT, height INTEGER, width INTEGER, images INTEGER,
    PRIMARY KEY (method, device, height, width)) WITHOUT ROWID;
"""
# A file that changed within this time of being hashed may change again without a newer time stamp.
_RACY_NS = 2_000_000_000

ScoreKey = tuple[str, str, str, str]  # sha256 of SR, sha256 of HR or "", metric id, metric version


class ScoreCache:
    """The cache of this user. It saves time and nothing else, so that no failure of it is an error.

    Nothing waits for the disk here; a file that a loss of power has damaged is put aside.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.path = (folder or paths.cache()) / FILE
        self._db = self._open()

    def _open(self) -> sqlite3.Connection:
        try:
            return sqlite.connect(self.path, _SCHEMA, version=_VERSION, durable=False)
        except MFSRBenchError:  # not writable, of another version, or damaged: work in memory
            return sqlite.connect(sqlite.MEMORY, _SCHEMA, version=_VERSION)

    def _one(self, statement: str, values: tuple[str, ...], *kinds: type) -> tuple[Any, ...] | None:
        """Return the row that a statement finds, if any; its columns are of these types."""
        try:
            row: tuple[Any, ...] | None = self._db.execute(statement, values).fetchone()
        except sqlite3.OperationalError:  # another process writes for too long
            return None
        except sqlite.Error:
            self._put_aside()
            return None
        if row and not all(map(isinstance, row, kinds)):
            self._put_aside()
            return None
        return row

    def _put_aside(self) -> None:
        """Go on with a new file in the place of a damaged one."""
        with suppress(*sqlite.Error, OSError):
            self._db.close()
            self.path.replace(self.path.with_suffix(".damaged"))
        self._db = self._open()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def sha256(self, path: Path) -> str:
        """Return the sha256 of a file's bytes; an unchanged file is not read again.

        Raises:
            DataError: the file cannot be read.
        """
        try:
            stat = path.stat()
        except OSError:
            return images.sha256_file(path)  # raises the error that says why
        state = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
        key = str(path.absolute())
        if not key.isprintable():
            key = os.fsencode(key).hex()
        row = self._one(
            "SELECT size, mtime_ns, ctime_ns, inode, sha256 FROM hashes WHERE path = ?",
            (key,),
            *(int, int, int, int, str),
        )
        if row and row[:4] == state:
            return str(row[4])
        digest = images.sha256_file(path)
        if time.time_ns() - max(stat.st_mtime_ns, stat.st_ctime_ns) > _RACY_NS:
            self._write(
                "INSERT OR REPLACE INTO hashes VALUES (?, ?, ?, ?, ?, ?)", [(key, *state, digest)]
            )
        return digest

    def score(self, key: ScoreKey) -> float | None:
        """Return a known score, or None."""
        row = self._one(
            "SELECT value FROM scores WHERE sr = ? AND hr = ? AND metric = ? AND version = ?",
            key,
            float,
        )
        return None if row is None else float(row[0])

    def add_scores(self, scores: Iterable[tuple[ScoreKey, float]]) -> None:
        """Remember scores."""
        self._write(
            "INSERT OR REPLACE INTO scores VALUES (?, ?, ?, ?, ?)",
            [(*key, value) for key, value in scores],
        )

    def features(self, image: str, metric: str, version: str) -> NDArray[np.float32] | None:
        """Return the known features (d,) of the image with this sha256, or None."""
        import numpy as np

        row = self._one(
            "SELECT vector FROM features WHERE image = ? AND metric = ? AND version = ?",
            (image, metric, version),
            bytes,
        )
        return None if row is None or len(row[0]) % 4 else np.frombuffer(row[0], dtype="<f4")

    def add_features(
        self, image: str, metric: str, version: str, vector: NDArray[np.float32]
    ) -> None:
        """Remember the features (d,) of the image with this sha256."""
        self._write(
            "INSERT OR REPLACE INTO features VALUES (?, ?, ?, ?)",
            [(image, metric, version, vector.astype("<f4").tobytes())],
        )

    def prompt(self, lr: str, kind: str, version: str) -> tuple[str, float] | None:
        """Return the known prompt of the LR image with this sha256 and its seconds, or None."""
        row = self._one(
            "SELECT prompt, seconds FROM prompts WHERE lr = ? AND kind = ? AND version = ?",
            (lr, kind, version),
            *(str, float),
        )
        return None if row is None else (str(row[0]), float(row[1]))

    def add_prompt(self, lr: str, kind: str, version: str, prompt: str, seconds: float) -> None:
        """Remember the prompt of the LR image with this sha256."""
        self._write(
            "INSERT OR REPLACE INTO prompts VALUES (?, ?, ?, ?, ?)",
            [(lr, kind, version, prompt, seconds)],
        )

    def speed(self, method: str, device: str) -> float | None:
        """Return the last measured seconds per LR megapixel of a method on a device, or None."""
        row = self._one(
            "SELECT seconds_per_megapixel FROM speeds WHERE method = ? AND device = ?",
            (method, device),
            float,
        )
        return None if row is None else float(row[0])

    def add_speed(self, method: str, device: str, seconds_per_megapixel: float) -> None:
        """Remember how fast a method ran on a device."""
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._write(
            "INSERT OR REPLACE INTO speeds VALUES (?, ?, ?, ?)",
            [(method, device, seconds_per_megapixel, now)],
        )

    @contextmanager
    def fits(self, device: str, *, auto: bool) -> Iterator[dict[tuple[str, tuple[int, int]], int]]:
        """Yield how many LR images fit on a device at once, by method and (height, width).

        Nothing is known, and nothing of what is added inside is kept, unless it is `auto`.
        """
        if not auto:
            yield {}
            return
        known: dict[tuple[str, tuple[int, int]], int] = {}
        with suppress(*sqlite.Error):
            self._db.execute(_FITS)
            rows = self._db.execute(
                "SELECT method, height, width, images FROM fits WHERE device = ?", (device,)
            )
            known = {(method, (height, width)): n for method, height, width, n in rows}
        found = dict(known)
        try:
            yield found
        finally:
            new = found.items() - known.items()
            self._write(
                "INSERT OR REPLACE INTO fits VALUES (?, ?, ?, ?, ?)",
                [(method, device, *size, n) for (method, size), n in new],
            )

    def _write(self, statement: str, rows: list[tuple[object, ...]]) -> None:
        try:
            with sqlite.transaction(self._db, self.path):
                self._db.executemany(statement, rows)
        except ConflictError:
            self._put_aside()
        except MFSRBenchError:  # a full disk, or another process that writes for too long
            return
