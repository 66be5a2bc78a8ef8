"""The run directory: its identity, its lock, and where everything in it lies.

<run>/run.json        what the run is: protocol, methods, data sets, seed. Written first
<run>/results.sqlite  all rows, as they are done
<run>/images/<method>/<dataset>/<image>.png
<run>/prompts/<kind>/<dataset>.json
<run>/*.csv           the rows for people, sorted; written at the end of every invocation
<run>/summary.md      the table
<run>/sessions.jsonl  the invocations: command, packages, machine, exit code
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.api import documents
from benchmarks.api.errors import ConflictError, DataError, ResourceError
from benchmarks.api.images import show, write_atomic
from benchmarks.api.text import first_line
from benchmarks.results.identity import join
from benchmarks.results.record import RunRecord
from benchmarks.results.record import slug as slug  # noqa: PLC0414

SCHEMA = 1
SESSIONS = "sessions.jsonl"


class RunDirectory:
    """The folder of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def run_json(self) -> Path:
        """The file that says what the run is."""
        return self.path / "run.json"

    def image(self, method: str, dataset: str, image: str) -> Path:
        """Return where a method's result for one image lies."""
        return Path(f"{self.path}/images/{slug(method)}/{dataset}/{image}.png")

    def prompts(self, kind: str, dataset: str) -> Path:
        """Return where the prompts of one kind for one data set lie."""
        return self.path / "prompts" / slug(kind) / f"{dataset}.json"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the directory for this process. The system frees it even after kill -9.

        Raises:
            ConflictError: another process holds it.
            ResourceError: the directory cannot be made.
        """
        from filelock import FileLock, Timeout

        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path / ".lock")
            lock.acquire(timeout=0)
        except Timeout:
            raise ConflictError(
                f"Another run is working in {show(self.path)}.",
                "Wait for it, or choose another folder with --out.",
            ) from None
        except OSError as error:
            raise ResourceError(
                f"Cannot use {show(self.path)}: {error.strerror or error}.",
                "Choose another folder with --out.",
            ) from None
        try:
            yield
        finally:
            lock.release()

    def read(self) -> dict[str, Any] | None:
        """Return run.json, or None where the run has not begun.

        Raises:
            DataError: it is there but cannot be read.
            ConflictError: it was written by a program with another schema.
        """
        return read_run_json(self.run_json)

    def begin(
        self, identity: dict[str, Any], *, restored: Collection[str] = (), **notes: Any
    ) -> Mapping[str, str]:
        """Write run.json, or join an existing run.

        Args:
            identity: what the run is.
            restored: keys of the methods that have images here.
            notes: what does not decide numbers (tool version, skipped metrics); the newest wins.

        Returns:
            The metrics whose scores are of other versions: metric id -> versions there and now.

        Raises:
            ConflictError: the directory holds a run that may not be mixed with this one.
        """
        identity = json.loads(json.dumps(identity))  # as it will be read back: tuples are lists
        outdated: Mapping[str, str] = {}
        found = self.read()
        if found is not None:
            joined = join(found["identity"], identity, self.path, restored=restored)
            identity, outdated = joined.identity, joined.outdated
        content = {"schema": SCHEMA, "identity": identity, **notes}
        write_atomic(self.run_json, (json.dumps(content, indent=2) + "\n").encode())
        return outdated


def read_run_json(path: Path) -> dict[str, Any] | None:
    """Return the contents of a run.json, or None where there is no such file.

    Raises:
        DataError: it cannot be read, or holds what no run writes.
        ConflictError: it was written by a program with another schema.
    """
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
        schema = run["schema"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(
            f"{show(path)} cannot be read: {type(error).__name__}: {first_line(error)}.",
            "It was damaged or edited: get it from a copy, or move the directory away.",
        ) from None
    if schema != SCHEMA:
        raise ConflictError(
            f"{show(path)} has schema {schema}; this program reads and writes schema {SCHEMA}.",
            "Use the version of mfsr-bench that made it.",
        )
    assert isinstance(run, dict)
    documents.check(RunRecord, run, where=show(path), error=DataError)
    return run
