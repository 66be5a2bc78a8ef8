"""Groups of commands: what is not asked for is not loaded, and what is broken breaks itself."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest
from typer.testing import CliRunner

from benchmarks import registry
from benchmarks.api.errors import PluginError, UnknownNameError
from benchmarks.commands import group

ENTRIES = {
    "table": EntryPoint("table", "reports.tables.cli:table", "g"),
    "broken": EntryPoint("broken", "no_such_module:app", "g"),
}


@pytest.fixture(autouse=True)
def entries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "entries", lambda group: ENTRIES if group == "some" else {})


def test_help_names_every_command_and_says_which_does_not_load() -> None:
    shown = CliRunner().invoke(group("some", help="Some.")).output
    assert "Some." in shown
    assert "Print the tables" in shown
    assert "Does not load: Plugin" in shown


@pytest.mark.parametrize("words", [[], ["--port", "0"], ["folder", "-x"]])
def test_a_broken_command_says_why_whatever_it_is_asked(words: list[str]) -> None:
    with pytest.raises(PluginError, match="no_such_module"):
        CliRunner().invoke(group("some"), ["broken", *words], catch_exceptions=False)


def test_an_unknown_command_is_met_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Unknown command 'tabel'. Did you mean 'table'"):
        CliRunner().invoke(group("some"), ["tabel"], catch_exceptions=False)


@pytest.mark.parametrize(
    ("words", "others"),
    [
        (("report", "table", "--help"), ("reports.audit", "reports.study", "reports.figures")),
        (("study", "power", "--help"), ("reports.audit", "reports.study.server", "reports.html")),
    ],
)
def test_one_command_loads_no_other(words: tuple[str, ...], others: tuple[str, ...]) -> None:
    code = (
        "import sys\n"
        "from benchmarks.cli.app import build\n"
        "build()(args=sys.argv[1:], standalone_mode=False)\n"
        f"assert not {set(others)!r} & sys.modules.keys(), sys.modules.keys()\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code, *words], check=False)
    assert done.returncode == 0
