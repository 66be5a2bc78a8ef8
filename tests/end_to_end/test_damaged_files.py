"""Damaged files of others, by the real commands: each is read or refused, in plain words.

`tests/reliability/fuzz.py` does the same with many more copies. What it once found is tested by
name where the reader is.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "reliability"))

from fuzz import fuzz
from subjects import MAKERS, begin

# How many copies of each file; a prompt or a file of training takes long to be looked at.
COUNTS = dict.fromkeys(MAKERS, 8) | {"runs": 4, "studies": 2, "training": 1}
del COUNTS["prompts"]


@pytest.mark.parametrize("group", COUNTS)
def test_damaged_files_are_read_or_refused(
    group: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MFSR_BENCH_HOME", "MFSR_BENCH_CACHE", "NO_COLOR"):
        monkeypatch.setenv(name, "")  # set by `begin`, and put back afterwards
    spec = begin(tmp_path)
    kept = tmp_path / "kept"
    kept.mkdir()
    found = {s.name: fuzz(s, COUNTS[group], 0, kept) for s in MAKERS[group](tmp_path, spec)}
    failed = {name: dict(how) for name, how in found.items() if set(how) - {"answered", "slow"}}
    assert not failed
