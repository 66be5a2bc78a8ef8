"""Runs that ship: files of `run --config` under a name.

The first line of each says in a comment what it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.api.names import unknown
from benchmarks.request import RunRequest, read_config

if TYPE_CHECKING:
    from benchmarks.api.errors import UnknownNameError

_SUFFIX = ".toml"


def presets() -> dict[str, str]:
    """Return what each preset is, by name."""
    return {
        name: file.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")
        for name, file in _files().items()
    }


def read_preset(name: str) -> dict[str, Any]:
    """Return what a preset asks for, by field of a run's request.

    Raises:
        UnknownNameError: there is none of that name.
    """
    known = _files()
    if name not in known:
        error: UnknownNameError = unknown("preset", name, known, see="mfsr-bench list presets")
        raise error
    return read_config(RunRequest, known[name])


def _files() -> dict[str, Path]:
    found = sorted(Path(__file__).parent.glob(f"*{_SUFFIX}"))
    return {file.name.removesuffix(_SUFFIX): file for file in found}
