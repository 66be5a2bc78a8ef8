"""`mfsr-bench bench` from the command line to the tables."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from program import Program, in_this_process

from benchmarks.bench import process


@pytest.fixture
def program(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Program:
    """Run `mfsr-bench bench` in this process, measuring in it too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(process, "measure", partial(process.measure, inline=True))
    run = in_this_process(monkeypatch, capsys)
    quick = ("--repeats", "2", "--warm-up", "1", "--lr-size", "9x5")
    return lambda *arguments: run("bench", *quick, *arguments)


def test_json_holds_conditions_and_rows(program: Program) -> None:
    answer = program("--methods", "bicubic,nearest", "--batch", "2,1", "--json", "--device", "cpu")
    assert answer.returncode == 0, answer.stderr
    found = json.loads(answer.stdout)
    assert found["conditions"]["lr_width"] == 9
    assert found["conditions"]["lr_height"] == 5
    rows = [(row["method"], row["batch"], len(row["seconds"])) for row in found["rows"]]
    assert rows == [("bicubic", 1, 2), ("bicubic", 2, 2), ("nearest", 1, 2), ("nearest", 2, 2)]
    assert "bicubic, batch 1" in answer.stderr


def test_a_folder_keeps_every_format_and_takes_more_methods(program: Program) -> None:
    assert program("--methods", "bicubic", "--out", "here", "--quiet").stderr == ""
    answer = program("--methods", "nearest", "--out", "here", "--format", "md")
    assert answer.returncode == 0
    assert answer.stdout == Path("here/bench.md").read_text()
    assert {p.name for p in Path("here").iterdir()} == {
        "bench.json", "bench.md", "bench.tex", "bench.csv",
    }  # fmt: skip
    for name in ("Bicubic", "Nearest"):
        assert name in answer.stdout


def test_a_folder_of_other_conditions_is_refused_before_measuring(program: Program) -> None:
    program("--methods", "bicubic", "--out", "here")
    before = Path("here/bench.json").read_bytes()
    answer = program("--methods", "nearest", "--out", "here", "--repeats", "3")
    assert answer.returncode == 6
    assert "repeats (2, 3)" in answer.stderr
    assert Path("here/bench.json").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--methods", "osediff"), 4, "osediff"),
        (("--methods", "bicubik"), 2, "Did you mean 'bicubic'"),
        (("--lr-size", "big"), 2, "WIDTHxHEIGHT"),
        (("--batch", "0"), 2, "--batch: 0 should be greater"),
    ],
)
def test_what_cannot_be_measured_is_an_error(
    program: Program, arguments: tuple[str, ...], code: int, said: str
) -> None:
    answer = program(*arguments)
    assert answer.returncode == code
    assert said in answer.stderr
    assert not answer.stdout


def test_a_failure_is_in_the_table_and_in_the_exit_code(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    from baselines.interpolation import Bicubic

    def fails(*_: object) -> None:
        raise MemoryError("not enough of it")

    monkeypatch.setattr(Bicubic, "_restore", fails)
    answer = program("--methods", "bicubic,nearest")
    assert answer.returncode == 1
    assert "MemoryError: not enough of it" in answer.stdout
    assert re.search("Nearest +fp32", answer.stdout)


def test_reports_show_it_again(
    program: Program, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = program("--methods", "bicubic", "--out", "here").stdout
    again: Callable[..., object] = in_this_process(monkeypatch, capsys)
    assert again("report", "efficiency", "here").stdout == shown  # type: ignore[attr-defined]
