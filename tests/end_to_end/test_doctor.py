"""What `doctor` says of a ready machine, of missing files and of a broken plugin."""

from __future__ import annotations

import json
import shutil
from collections import namedtuple
from pathlib import Path

import pytest
from program import Program

from benchmarks.api import paths

_Usage = namedtuple("_Usage", "total used free")


@pytest.fixture(autouse=True)
def room(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk with space, whatever this machine has."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Usage(10**12, 0, 10**12))


def checks(stdout: str) -> dict[str, dict[str, object]]:
    return {check["what"]: check for check in json.loads(stdout)}


def test_a_ready_machine_lacks_weights_and_sets_only(program: Program) -> None:
    realsr = paths.datasets() / "realsr"
    (realsr / "lr").mkdir(parents=True)
    (realsr / "hr").mkdir()
    answer = program("doctor", "--json")
    found = checks(answer.stdout)
    assert answer.returncode == 0, answer.stderr
    assert all(check["ok"] for check in found.values())
    assert found["weights: osediff"]["remedy"] == "mfsr-bench weights fetch osediff"
    assert found["data set: realsr"]["remedy"] == "mfsr-bench datasets verify realsr"
    assert found["data set: drealsr"]["remedy"] == "mfsr-bench datasets fetch drealsr"
    assert "data set: sample" not in found


def test_a_broken_plugin_and_a_full_disk_are_named(
    program: Program,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Path(environment["PYTHONPATH"].split(":")[0])
    entries = site / "fakes_plugin-1.0.dist-info" / "entry_points.txt"
    entries.write_text(entries.read_text() + "\nbroken = no_such_module:Restorer")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Usage(10**12, 10**12, 0))
    answer = program("doctor", "--json")
    found = checks(answer.stdout)
    assert answer.returncode != 0
    assert not found["restorers: broken"]["ok"]
    assert "no_such_module" in str(found["restorers: broken"]["answer"])
    assert not found["home folder"]["ok"]
    assert "MFSR_BENCH_HOME" in str(found["home folder"]["remedy"])
