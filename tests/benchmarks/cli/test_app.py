"""The program around the commands: version, errors, exit codes, broken plugins."""

from __future__ import annotations

import errno
import subprocess
import sys
from importlib.metadata import EntryPoint, version
from pathlib import Path

import pytest
from program import Program, in_this_process

from benchmarks import registry
from benchmarks.api.errors import DataError
from benchmarks.cli import app


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    return in_this_process(monkeypatch, capsys)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
    """A command `fail` that raises what the test puts into the list."""
    to_raise: list[Exception] = []

    def fail() -> None:
        raise to_raise[0]

    real = registry.load

    def load(group: str, name: str, **words: str) -> object:
        return fail if name == "fail" else real(group, name, **words)

    entries = {**registry.entries("commands"), "fail": EntryPoint("fail", "x:y", "g")}
    monkeypatch.setattr(registry, "entries", lambda group: entries)
    monkeypatch.setattr(registry, "load", load)
    return to_raise


def test_version(program: Program) -> None:
    answer = program("--version")
    assert answer.returncode == 0
    assert answer.stdout == f"mfsr-bench {version('mfsr-bench')}\n"


def test_a_notebooks_backend_does_not_reach_figures_and_metrics(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """matplotlib, and all that imports it, ends in an error where it is not installed."""
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    assert program("--version").returncode == 0
    code = "import matplotlib.figure"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_errors_are_two_lines_and_an_exit_code(program: Program, command: list[Exception]) -> None:
    command.append(DataError("It is gone.", "Fetch it."))
    answer = program("fail")
    assert answer.returncode == 3
    assert answer.stderr == "Error: It is gone.\nFetch it.\n"
    assert answer.stdout == ""


def test_debug_shows_where_it_happened(
    monkeypatch: pytest.MonkeyPatch, command: list[Exception]
) -> None:
    command.append(DataError("It is gone."))
    monkeypatch.setattr("sys.argv", ["mfsr-bench", "fail", "--debug"])
    with pytest.raises(DataError):
        app.main()


def test_a_full_disk_anywhere_is_a_resource_error(
    program: Program, command: list[Exception]
) -> None:
    command.append(OSError(errno.ENOSPC, "No space left on device"))
    answer = program("fail")
    assert answer.returncode == 5
    assert "finished work is kept" in answer.stderr


def test_a_bug_of_ours_is_not_dressed_up(
    monkeypatch: pytest.MonkeyPatch, command: list[Exception]
) -> None:
    command.append(OSError(errno.EIO, "broken"))
    monkeypatch.setattr("sys.argv", ["mfsr-bench", "fail"])
    with pytest.raises(OSError, match="broken"):
        app.main()


def test_unknown_commands_and_options_are_usage_errors(program: Program) -> None:
    for words in (("rnu",), ("list", "methods", "--jason"), ("run", "--batch-size", "many")):
        answer = program(*words)
        assert answer.returncode == 2
        assert answer.stderr


def test_a_broken_command_of_a_plugin_breaks_only_itself(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = EntryPoint("broken", "no_such_module:app", "mfsr_bench.commands")
    entries = {**registry.entries("commands"), "broken": broken}
    monkeypatch.setattr(registry, "entries", lambda group: entries if group == "commands" else {})
    assert program("--help").returncode == 0
    answer = program("broken")
    assert answer.returncode == 7
    assert "no_such_module" in answer.stderr


def test_the_exit_codes_of_the_readme_are_those_of_the_errors() -> None:
    from benchmarks.api import errors

    readme = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
    text = " ".join(readme.split())
    for kind, word in (
        (errors.UsageError, "usage"),
        (errors.DataError, "data"),
        (errors.WeightsError, "weights"),
        (errors.ResourceError, "memory, disk or device"),
        (errors.ConflictError, "conflict"),
        (errors.PluginError, "plugin"),
    ):
        assert f"{kind.exit_code} {word}" in text
