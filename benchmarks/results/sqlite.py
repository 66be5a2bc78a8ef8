"""One way to open SQLite: short transactions, clear errors, safe against kill -9."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from benchmarks.api.errors import ConflictError, DataError, MFSRBenchError, ResourceError
from benchmarks.api.images import show

# What SQLite raises; the second where its message repeats a damaged name.
Error = (sqlite3.Error, UnicodeDecodeError)

MEMORY = Path(":memory:")  # SQLite's name of a database that is no file
_WAIT_S = 30.0  # for another process that writes


def connect(
    path: Path,
    schema: str,
    *,
    version: int,
    upgrades: Mapping[int, str] | None = None,
    durable: bool = True,
) -> sqlite3.Connection:
    """Open the database at `path`, creating it with `schema` (SQL) where it does not exist.

    Args:
        path: the file.
        schema: what creates its tables.
        version: of the schema.
        upgrades: what makes this version (SQL) of an earlier one.
        durable: whether what is committed survives a loss of power, at the price of waiting for
            the disk. Without, a database of such an end may be damaged.

    Raises:
        ConflictError: it was written by another version or program, or is not a database.
        ResourceError: it cannot be created or read.
    """
    foreign = ConflictError(
        f"{show(path)} is not a database of mfsr-bench.", "Move it away and repeat the command."
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)
        # The default rollback journal, not WAL: runs often lie on network file systems.
        connection.execute(f"PRAGMA synchronous = {'NORMAL' if durable else 'OFF'}")
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found == 0 and _tables(connection):
            raise foreign
        if found == 0:
            connection.executescript(
                f"BEGIN IMMEDIATE; {schema} PRAGMA user_version = {version}; END"
            )
        elif upgrades and found in upgrades:
            connection.executescript(
                f"BEGIN IMMEDIATE; {upgrades[found]} PRAGMA user_version = {version}; END"
            )
        elif found != version:
            raise ConflictError(
                f"{show(path)} has format {found}; this program reads and writes format {version}.",
                "Use the version of mfsr-bench that made it.",
            )
        elif _lacking(connection, schema):
            raise foreign
    except (*Error, OSError) as error:
        raise explain(error, path) from None
    return connection


def _tables(connection: sqlite3.Connection) -> dict[str, set[str]]:
    """Return table -> its columns."""
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    columns = "SELECT name FROM pragma_table_info(?)"
    return {name: {row[0] for row in connection.execute(columns, (name,))} for (name,) in names}


def _lacking(connection: sqlite3.Connection, schema: str) -> str:
    """Return the first table or column of a schema that a database lacks; empty for none."""
    with closing(sqlite3.connect(MEMORY)) as model:
        model.executescript(schema)
        wanted = _tables(model)
    found = _tables(connection)
    for table, columns in wanted.items():
        if table not in found:
            return f"it has no table '{table}'"
        if lost := columns - found[table]:
            return f"its table '{table}' has no '{min(lost)}'"
    return ""


@contextmanager
def part(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    """Do what is inside as a part of an open transaction, or of a new one: all of it, or none.

    Raises:
        ResourceError: the disk is full or refuses the write.
    """
    try:
        if not connection.in_transaction:
            connection.execute("BEGIN IMMEDIATE")
        connection.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK TO part")
            raise
        connection.execute("RELEASE part")
    except Error as error:
        raise explain(error, path) from None


def commit(connection: sqlite3.Connection, path: Path) -> None:
    """End the open transaction, if there is one.

    Raises:
        ResourceError: the disk is full or refuses the write.
    """
    try:
        connection.commit()
    except Error as error:
        if connection.in_transaction:
            connection.rollback()
        raise explain(error, path) from None


@contextmanager
def transaction(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    """Do what is inside as one transaction: all of it is on disk afterwards, or none.

    Raises:
        ResourceError: the disk is full or refuses the write.
    """
    with part(connection, path):
        yield
    commit(connection, path)


def open_to_read(
    path: Path, schema: str, *, version: int, upgrades: Mapping[int, str] | None = None
) -> sqlite3.Connection:
    """Open an existing database. Nothing is written to it, nor beside it.

    Where a writer was killed in the middle of a commit, what it left behind is put right in a copy;
    so is what another version wrote, with `upgrades` as `connect` has them.

    Raises:
        DataError: it is not a database of ours, or cannot be read.
        ConflictError: it was written by another version.
    """
    try:
        try:
            connection = _open_read_only(path)
            lacking = _lacking(connection, schema)
        except sqlite3.OperationalError:
            connection = _copy(path)
            lacking = _lacking(connection, schema)
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        upgrade = (upgrades or {}).get(found)
        if upgrade:
            connection.close()
            connection, found = _copy(path), version
            connection.executescript(upgrade)
            lacking = _lacking(connection, schema)
    except (*Error, OSError) as error:
        raise unreadable(path, error) from None
    if lacking and found in (0, version):
        connection.close()
        raise unreadable(path, lacking)
    if found != version:
        connection.close()
        raise ConflictError(
            f"{show(path)} has format {found}; this program reads format {version}.",
            "Use the version of mfsr-bench that made it.",
        )
    return connection


def _open_read_only(path: Path) -> sqlite3.Connection:
    with path.open("rb") as handle:
        if 2 in handle.read(20)[18:]:  # a write-ahead log: to read it, SQLite makes files beside it
            raise sqlite3.OperationalError("it has a write-ahead log")
    address = f"{path.absolute().as_uri()}?mode=ro"
    return sqlite3.connect(address, uri=True, timeout=_WAIT_S)


def _copy(path: Path) -> sqlite3.Connection:
    """Return a database in memory that holds what the last finished writer left."""
    found = sqlite3.connect(MEMORY)
    with tempfile.TemporaryDirectory(prefix="mfsr-bench-") as folder:
        for suffix in ("", "-journal", "-wal"):
            with suppress(FileNotFoundError):
                shutil.copyfile(f"{path}{suffix}", f"{folder}/copy{suffix}")
        address = f"{Path(folder, 'copy').as_uri()}?mode=rw"
        with closing(sqlite3.connect(address, uri=True)) as copy:
            copy.backup(found)
    return found


def unreadable(path: Path, error: object) -> DataError:
    """Return the error for a database that is not what it should be."""
    return DataError(
        f"{show(path)} cannot be read: {error}.",
        "It is damaged, or another program's. Repeat the command that made it in another folder.",
    )


def explain(error: Exception, path: Path) -> MFSRBenchError:
    """Turn what SQLite or the system says of `path` into one of our errors."""
    damaged = ("not a database", "malformed", "can't decode", "Could not decode")
    if isinstance(error, Error) and any(one in str(error) for one in damaged):
        return ConflictError(
            f"{show(path)} is not a database of mfsr-bench.", "Move it away and repeat the command."
        )
    return ResourceError(
        f"Cannot read or write {show(path)}: {error}.",
        "Free space or choose another folder, then repeat the command: finished work is kept.",
    )
