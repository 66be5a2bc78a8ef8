"""One line per invocation of a run: with what command, packages and machine, and how it ended."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.api.errors import MFSRBenchError, ResourceError
from benchmarks.results import provenance
from benchmarks.results.directory import RunDirectory


@dataclass(slots=True)
class Closing:
    """How an invocation ends; set by whoever knows."""

    exit_code: int = 1


@contextmanager
def session(run: Path) -> Iterator[Closing]:
    """Write the line of this invocation when the block ends, however it ends."""
    closing = Closing()
    started = provenance.now()
    try:
        yield closing
    except MFSRBenchError as error:
        closing.exit_code = error.exit_code
        with suppress(ResourceError):  # a full disk has been said already
            _log(run, started, closing)
        raise
    _log(run, started, closing)


def _log(run: Path, started: str, closing: Closing) -> None:
    if run.is_dir():
        RunDirectory(run).log_session(
            {
                "argv": sys.argv[1:],
                "started": started,
                "finished": provenance.now(),
                "exit_code": closing.exit_code,
                "tool": provenance.tool(),
                "packages": provenance.packages(),
                "machine": provenance.machine(),
            }
        )
