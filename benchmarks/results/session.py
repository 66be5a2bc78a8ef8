"""One line per invocation of a run: with what command, packages and machine, and how it ended."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.api.errors import DataError, MFSRBenchError, ResourceError
from benchmarks.api.images import show
from benchmarks.results import provenance
from benchmarks.results.directory import SESSIONS, RunDirectory


@dataclass(slots=True)
class Closing:
    """How an invocation ends; set by whoever knows."""

    exit_code: int = 1


@contextmanager
def session(run: Path, datasets: Mapping[str, str]) -> Iterator[Closing]:
    """Write the line of this invocation when the block ends, however it ends.

    Args:
        run: the run directory.
        datasets: data set id -> the spec that opens it on this machine.
    """
    closing = Closing()
    started = provenance.now()
    try:
        yield closing
    except MFSRBenchError as error:
        closing.exit_code = error.exit_code
        with suppress(ResourceError):  # a full disk has been said already
            _log(run, started, closing, datasets)
        raise
    _log(run, started, closing, datasets)


def _log(run: Path, started: str, closing: Closing, datasets: Mapping[str, str]) -> None:
    if run.is_dir():
        RunDirectory(run).log_session(
            {
                "argv": sys.argv[1:],
                "started": started,
                "finished": provenance.now(),
                "exit_code": closing.exit_code,
                "datasets": dict(datasets),
                "tool": provenance.tool(),
                "packages": provenance.packages(),
                "machine": provenance.machine(),
            }
        )


def read_sessions(run: Path) -> tuple[dict[str, Any], ...]:
    """Return the invocations that made a run, oldest first; none where nothing is recorded.

    Raises:
        DataError: the file is damaged.
    """
    path = run / SESSIONS
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{show(path)} cannot be read: {error}.") from None
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            one = json.loads(line)
        except ValueError:
            one = None
        if not isinstance(one, dict):
            raise DataError(
                f"{show(path)} line {number} is not a session.", "Delete that line, or the file."
            )
        found.append(one)
    return tuple(found)
