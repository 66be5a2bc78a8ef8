"""`--config` and `--print-config`: what is asked for as a file."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from program import Program

from benchmarks.results.read import read_run


def test_a_run_is_asked_for_by_a_file_and_the_command_line_wins(
    program: Program, photos: Path, tmp_path: Path
) -> None:
    words = [
        "run", "-m", "bicubic,nearest", "-d", f"folder:{photos}/lr::{photos}/hr",
        "--metrics", "psnr@rgb", "--out", str(tmp_path / "a"), "--limit", "2", "--mended",
    ]  # fmt: skip
    printed = program(*words, "--print-config")
    assert printed.returncode == 0, printed.stderr
    assert not (tmp_path / "a").exists()
    asked = tomllib.loads(printed.stdout)
    assert (asked["methods"], asked["limit"]) == (["bicubic", "nearest"], 2)
    config = tmp_path / "run.toml"
    config.write_text(printed.stdout, encoding="utf-8")
    out = tmp_path / "b"
    done = program(
        "run", "--config", config, "--out", out, "--limit", "1", "--no-mended", "-m", "nearest"
    )
    assert done.returncode == 0, done.stderr
    results = read_run(out)
    assert {(row.method, row.image) for row in results.images} == {("nearest", "a")}
    again = program("run", "--config", config, "--print-config")
    assert tomllib.loads(again.stdout) == asked | {"workers": 0}


@pytest.mark.parametrize("command", ["sweep-steps", "score", "verify", "bench"])
def test_every_command_with_a_request_has_its_file(
    program: Program, command: str, tmp_path: Path
) -> None:
    config = tmp_path / "x.toml"
    config.write_text("devise = 'cpu'\n", encoding="utf-8")
    answer = program(command, "--config", config)
    assert answer.returncode == 2
    assert "Did you mean 'device'" in answer.stderr.replace("\n", " ")
    required = ["--sr", "x", "--published", "y"] if command == "verify" else ["--sr", "x"]
    more = required if command in ("score", "verify") else []
    printed = program(command, *more, "--print-config")
    assert printed.returncode == 0, printed.stderr
    config.write_text(printed.stdout, encoding="utf-8")
    assert program(command, "--config", config, "--print-config").stdout == printed.stdout


def test_a_command_that_lacks_what_it_needs_says_so(program: Program) -> None:
    answer = program("score", "--metrics", "psnr")
    assert answer.returncode == 2
    assert answer.stderr.startswith("Error: --sr is missing.")
