"""One way to open SQLite: short transactions, clear errors, safe against kill -9."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.api.errors import ConflictError, MFSRBenchError, ResourceError
from benchmarks.api.images import show

MEMORY = Path(":memory:")  # SQLite's name of a database that is no file
_WAIT_S = 30.0  # for another process that writes


def connect(path: Path, schema: str, *, version: int) -> sqlite3.Connection:
    """Open the database at `path`, creating it with `schema` (SQL) where it does not exist.

    Raises:
        ConflictError: it was written by another version, or is not a database.
        ResourceError: it cannot be created or read.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)
        # The default rollback journal, not WAL: runs often lie on network file systems.
        connection.execute("PRAGMA synchronous = NORMAL")
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found == 0:
            connection.executescript(
                f"BEGIN IMMEDIATE; {schema} PRAGMA user_version = {version}; END"
            )
        elif found != version:
            raise ConflictError(
                f"{show(path)} has format {found}; this program reads and writes format {version}.",
                "Use the version of mfsr-bench that made it, or start in another folder.",
            )
    except (sqlite3.Error, OSError) as error:
        raise explain(error, path) from None
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    """Do what is inside as one transaction: all of it is on disk afterwards, or none.

    Raises:
        ResourceError: the disk is full or refuses the write.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise explain(error, path) from None


def explain(error: Exception, path: Path) -> MFSRBenchError:
    """Turn what SQLite or the system says of `path` into one of our errors."""
    if isinstance(error, sqlite3.DatabaseError) and "not a database" in str(error):
        return ConflictError(
            f"{show(path)} is not a database of mfsr-bench.", "Move it away and repeat the command."
        )
    return ResourceError(
        f"Cannot read or write {show(path)}: {error}.",
        "Free space or choose another folder, then repeat the command: finished work is kept.",
    )
