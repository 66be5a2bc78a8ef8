"""The terminal: results go to stdout, all else to stderr.

On a terminal stderr shows rich progress; elsewhere plain lines. `NO_COLOR`, `FORCE_COLOR` and
`TERM=dumb` are honoured by rich itself.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from benchmarks.api.errors import MFSRBenchError


def out() -> Console:
    """Return a console on stdout, for results."""
    from rich.console import Console

    return Console(soft_wrap=True, highlight=False)


def err() -> Console:
    """Return a console on stderr, for progress and messages."""
    from rich.console import Console

    return Console(stderr=True, soft_wrap=True, highlight=False)


def print_json(value: Any) -> None:
    """Print one JSON document on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def print_error(error: MFSRBenchError) -> None:
    """Print an error's cause and remedy on stderr, one line each."""
    console = err()
    console.print(f"Error: {error.cause}", style="red", markup=False)
    if error.remedy:
        console.print(error.remedy, markup=False)
