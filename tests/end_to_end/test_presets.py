"""`run --preset`: runs that ship, and what is left out of them."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from program import Program

from benchmarks.presets import presets
from benchmarks.results.read import read_run


def test_presets_are_listed(program: Program) -> None:
    listed = program("list", "presets", "--json")
    assert listed.returncode == 0, listed.stderr
    found = json.loads(listed.stdout)
    assert list(found) == list(presets())
    assert found["mfsr-table5"]["methods"][0] == "stablesr@200"
    assert "Table 1 of the MFSR paper" in program("list", "presets").stdout


@pytest.mark.parametrize("name", presets())
def test_the_plan_says_what_is_missing(program: Program, name: str) -> None:
    """Where nothing is here, all of it is missing; the paper's own students say how to get them."""
    answer = program("run", "--preset", name, "--plan", "--json")
    assert answer.returncode == 0, answer.stderr
    plan = json.loads(answer.stdout)
    assert plan["run"] == f"runs/{name}"
    missing = {(one["name"], one["needed_by"]): one["remedy"] for one in plan["missing"]}
    assert len(missing) == len(plan["missing"])
    assert "Train it" in missing["student.safetensors", "mfsr"]
    if name == "mfsr-table3":
        assert "Train it" in missing["negative-w4/student.safetensors", "mfsr"]
    refused = program("run", "--preset", name)
    assert refused.returncode not in (0, 1)
    assert "things are missing" in refused.stderr.replace("\n", " ")


def test_the_command_line_wins_over_a_preset(program: Program) -> None:
    answer = program("run", "--preset", "mfsr-table2", "-m", "bicubic", "--print-config")
    assert answer.returncode == 0, answer.stderr
    asked = tomllib.loads(answer.stdout)
    assert (asked["methods"], asked["printed"]) == (["bicubic"], "mfsr:2")
    assert asked["datasets"] == ["reallq250", "reallr200"]
    wrong = program("run", "--preset", "mfsr-table9")
    assert wrong.returncode == 2
    assert "Unknown preset 'mfsr-table9'" in wrong.stderr


def test_what_lacks_something_is_left_out_and_the_table_says_why(
    program: Program, photos: Path, tmp_path: Path
) -> None:
    own = f"folder:{photos}/lr::{photos}/hr"
    words = ["run", "-m", "bicubic,osediff,sinsr", "-d", "realsr", "-d", own, "--limit", "1"]
    words += ["--metrics", "psnr", "--missing", "blank", "--out", str(tmp_path / "run")]
    done = program(*words)
    assert done.returncode == 0, done.stderr
    assert "Left out: OSEDiff-1s" in done.stderr.replace("\n", " ")
    results = read_run(tmp_path / "run")
    assert set(results.run["identity"]["methods"]) == {"bicubic"}
    assert set(results.run["blanks"]) == {"OSEDiff-1s", "SinSR-1s", "realsr"}
    assert "osediff" in results.run["blanks"]["OSEDiff-1s"]
    table = program("report", "table", tmp_path / "run", "--printed", "mfsr:1", "--format", "latex")
    assert table.returncode == 0, table.stderr
    assert r"\multirow" in table.stdout
    assert "left out" in table.stdout
    alone = program(*words[:2], "osediff", *words[3:])
    assert alone.returncode not in (0, 1)
