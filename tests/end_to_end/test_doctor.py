"""What `doctor` says of a ready machine, of missing files and of a broken plugin."""

from __future__ import annotations

import json
import os
import shutil
from collections import namedtuple
from pathlib import Path

import pytest
from program import Program

from benchmarks.api import paths
from benchmarks.cli import doctor

_Usage = namedtuple("_Usage", "total used free")


@pytest.fixture(autouse=True)
def room(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk with space, whatever this machine has."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Usage(10**12, 0, 10**12))
    monkeypatch.setattr(doctor, "_IMPORTS", ("json",))  # the real ones take ten seconds


def checks(stdout: str) -> dict[str, dict[str, object]]:
    return {check["what"]: check for check in json.loads(stdout)}


def test_a_ready_machine_lacks_weights_and_sets_only(program: Program) -> None:
    realsr = paths.datasets() / "realsr"
    (realsr / "lr").mkdir(parents=True)
    (realsr / "hr").mkdir()
    answer = program("doctor", "--json")
    found = checks(answer.stdout)
    assert answer.returncode == 0, answer.stderr
    assert {check["state"] for check in found.values()} == {"ok", "missing"}
    assert found["weights: osediff"]["remedy"] == "mfsr-bench weights fetch osediff"
    assert found["data set: realsr"]["remedy"] == "mfsr-bench datasets verify realsr"
    assert found["data set: drealsr"]["remedy"] == "mfsr-bench datasets fetch drealsr"
    assert "data set: sample" not in found
    shown = " ".join(program("doctor").stdout.split())
    ready, lacking = shown.split("ready for: ")[1:]
    assert "bicubic" in ready and "realsr" in ready and "psnr@y601" in ready
    assert "osediff" in lacking and "drealsr" in lacking and " bicubic," not in lacking
    assert "0 of" in shown and "see: mfsr-bench weights list" in shown
    for words in program("doctor").stderr.splitlines():
        if "help most: mfsr-bench " in words:
            assert words.split(": mfsr-bench ")[1].startswith("weights fetch lpips@alex,dists")
            break
    else:
        pytest.fail("no command is proposed")


def test_an_import_that_ends_the_process_is_named_and_the_next_one_tried(
    program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "crashes.py").write_text("import os\nos.abort()")
    (tmp_path / "talks.py").write_text("print('ok 9')\nraise ImportError('two\\nlines')")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(doctor, "_IMPORTS", ("json", "crashes", "talks", "csv"))
    answer = program("doctor", "--json")
    found = checks(answer.stdout)
    assert answer.returncode == 1
    assert found["import json"]["state"] == found["import csv"]["state"] == "ok"
    assert found["import crashes"]["answer"] == "importing it ends the process with exit code -6"
    assert found["import talks"]["answer"] == "ImportError: two lines"


def test_a_plugin_that_ends_the_process_is_named(
    program: Program, environment: dict[str, str]
) -> None:
    site = Path(environment["PYTHONPATH"].split(os.pathsep)[0])
    (site / "aborts.py").write_text("import os\nos.abort()")
    entries = site / "fakes_plugin-1.0.dist-info" / "entry_points.txt"
    entries.write_text("[mfsr_bench.restorers]\nfake = fakes:Fake\naborts = aborts:Restorer")
    found = checks(program("doctor", "--json").stdout)
    assert "exit code -6" in str(found["restorers: aborts"]["answer"])
    assert found["device"]["state"] == "ok"


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
    assert found["restorers: broken"]["state"] == "broken"
    assert "no_such_module" in str(found["restorers: broken"]["answer"])
    assert found["home folder"]["state"] == "broken"
    assert "MFSR_BENCH_HOME" in str(found["home folder"]["remedy"])
