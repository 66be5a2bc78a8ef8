"""A run with names that try to break out of a page."""

from __future__ import annotations

from pathlib import Path

import pytest
from runs import photographs, write_run

HOSTILE = (
    "a<script>alert(1)<∕script>",
    'b\'"quotes"',
    "c with space",
    "d#hash?query=1&more+plus",
    "e 100% %2e%2e",
    "f <img src=x onerror=alert(1)>",
    "g {{data}} {{script}}",
    "h ünïcødé 日本語",
    "i\\backslash",
)
METHODS = ("first", "second", "third")


@pytest.fixture
def hostile() -> tuple[str, ...]:
    """The names of the run's images, in order."""
    return HOSTILE


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run over images of hostile names; `third` has no result for the last."""
    spec = photographs(tmp_path / "photos", HOSTILE)
    return write_run(tmp_path / "run", spec, METHODS, missing=[("third", HOSTILE[-1])])
