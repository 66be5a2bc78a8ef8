"""Plugins of other packages come through the same door, and a broken one breaks nothing else."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from benchmarks import registry
from benchmarks.api.errors import PluginError, UnknownNameError

PLUGIN = '''
from benchmarks.api.card import MethodCard
from benchmarks.api.restorer import Restorer


class Repeat(Restorer):
    """Repeat pixels."""

    card = MethodCard(name="repeat", title="Repeat")

    @classmethod
    def load(cls, runtime):
        return cls(runtime)

    def _restore(self, batch, steps):
        return batch.images.repeat_interleave(4, -1).repeat_interleave(4, -2)
'''
PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "stranger"
version = "1.0"
[project.entry-points."mfsr_bench.restorers"]
repeat = "stranger:Repeat"
broken = "stranger_broken:Gone"
[tool.hatch.build.targets.wheel]
include = ["stranger.py", "stranger_broken.py"]
"""


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real package, installed into a folder of its own."""
    source = tmp_path_factory.mktemp("source")
    (source / "pyproject.toml").write_text(PYPROJECT)
    (source / "stranger.py").write_text(PLUGIN)
    (source / "stranger_broken.py").write_text("raise RuntimeError('no licence key')\n")
    site = tmp_path_factory.mktemp("site")
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation",
        "--no-index", "--target", str(site), str(source),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    return site


@pytest.fixture
def installed(stranger: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(stranger))
    registry.entries.cache_clear()
    return stranger


@pytest.mark.usefixtures("installed")
def test_a_plugin_of_another_package_is_found() -> None:
    found = registry.restorer("repeat")
    assert found.card.title == "Repeat"
    assert found.__module__ == "stranger"


@pytest.mark.usefixtures("installed")
def test_a_plugin_that_does_not_load_is_named_and_breaks_nothing_else() -> None:
    with pytest.raises(PluginError, match=r"'broken'.*'stranger'.*RuntimeError: no licence key"):
        registry.restorer("broken")
    assert registry.restorer("bicubic").card.name == "bicubic"


def test_list_shows_the_plugin_and_the_broken_one(installed: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", _LIST],
        check=False,
        env=_environment(installed),
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0
    assert "Repeat" in answer.stdout
    assert "Bicubic" in answer.stdout
    assert "no licence key" in answer.stderr


_LIST = "import sys; sys.argv = ['mfsr-bench', 'list', 'methods']\n" + textwrap.dedent(
    """
    from benchmarks.cli.app import main
    try:
        main()
    finally:
        heavy = {"torch", "numpy", "scipy", "pandas", "diffusers"} & set(sys.modules)
        assert not heavy, heavy
    """
)


def _environment(site: Path) -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": str(site), "COLUMNS": "200"}


def test_unknown_names_are_answered_with_near_ones() -> None:
    with pytest.raises(
        UnknownNameError, match=r"Unknown method 'bicubik'\. Did you mean 'bicubic'"
    ):
        registry.restorer("bicubik")
    with pytest.raises(UnknownNameError, match="See: mfsr-bench list methods"):
        registry.restorer("qqqqqq")


def test_a_restorer_must_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("odd", "pathlib:Path", "mfsr_bench.restorers")
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry])
    with pytest.raises(PluginError, match="not a subclass of Restorer"):
        registry.restorer("odd")


def test_two_packages_with_one_name_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    group = "mfsr_bench.restorers"
    entries = [EntryPoint("same", "a:A", group), EntryPoint("same", "b:B", group)]
    monkeypatch.setattr(registry, "entry_points", lambda group: entries)
    with pytest.raises(PluginError, match="Two packages register 'same'"):
        registry.entries("restorers")
