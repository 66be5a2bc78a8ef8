"""The invocations of a run: with what command, packages and machine, and how each ended.

`sessions.jsonl` gets a line when an invocation begins and another one when it ends, so that one
that was killed has left what its images were made with.
"""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from benchmarks.api import documents
from benchmarks.api.errors import DataError, MFSRBenchError, ResourceError
from benchmarks.api.images import show
from benchmarks.results import provenance
from benchmarks.results.directory import SESSIONS
from benchmarks.results.record import SessionRecord

_INTERRUPTED = 130


@contextmanager
def session(run: Path, **facts: Any) -> Iterator[dict[str, int]]:
    """Write down that an invocation begins, and how it ended when the block is left.

    Args:
        run: the run directory.
        facts: what else is to be known of it: what was asked, where the data sets lie.

    Yields:
        What sets the exit code of an invocation that comes to its end: {"exit_code": 0}.
    """
    name = uuid.uuid4().hex[:12]
    ending = {"exit_code": 1}
    _append(
        run,
        {
            "session": name,
            "argv": sys.argv[1:],
            **facts,
            "started": provenance.now(),
            "tool": provenance.tool(),
            "packages": provenance.packages(),
            "machine": provenance.machine(),
        },
    )
    try:
        yield ending
    except MFSRBenchError as error:
        ending["exit_code"] = error.exit_code
        raise
    except (KeyboardInterrupt, GeneratorExit):
        ending["exit_code"] = _INTERRUPTED
        raise
    finally:
        with suppress(ResourceError):  # a full disk is said by what it stopped
            _append(run, {"session": name, "finished": provenance.now(), **ending})


def _append(run: Path, facts: Mapping[str, Any]) -> None:
    path = run / SESSIONS
    try:
        with path.open("ab+") as handle:
            if handle.tell():
                handle.seek(-1, 2)
            torn = handle.read(1) not in (b"", b"\n")  # of an invocation that lost its power
            handle.write(b"\n" * torn + json.dumps(facts).encode() + b"\n")
    except OSError as error:
        raise ResourceError(f"Cannot write {show(path)}: {error.strerror or error}.") from None


def read_sessions(run: Path) -> tuple[dict[str, Any], ...]:
    """Return the invocations that made a run, oldest first; none where nothing is recorded.

    One that was killed has no `finished` and no `exit_code`. A line that a loss of power has cut
    short is left out.

    Raises:
        DataError: the file cannot be read, or holds something else.
    """
    path = run / SESSIONS
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise DataError(f"{show(path)} cannot be read: {error.strerror or error}.") from None
    found: dict[str, dict[str, Any]] = {}
    for number, line in enumerate(lines, start=1):
        try:
            one = json.loads(line)
        except (ValueError, RecursionError):
            continue
        where = f"{show(path)} line {number}"
        if not isinstance(one, dict):
            raise DataError(f"{where} is not a session.", "Delete that line, or the file.")
        documents.check(SessionRecord, one, where=where, error=DataError)
        name = str(one.get("session", number))  # of runs from before they were named: the line
        found[name] = found.get(name, {}) | one
    return tuple(found.values())
