"""Plugins of other packages come through the same door, and a broken one breaks nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from program import in_this_process

from benchmarks import registry
from benchmarks.api.errors import PluginError, UnknownNameError
from benchmarks.metrics.protocol import MFSR_PAPER
from benchmarks.metrics.select import select

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
    names = {line.split()[0] for line in answer.stdout.splitlines() if line.strip()}
    assert {"repeat", "bicubic"} <= names
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


def test_a_name_of_two_packages_is_an_error_where_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    group = "mfsr_bench.restorers"
    entries = [
        EntryPoint("same", "a:A", group),
        EntryPoint("same", "b:B", group),
        EntryPoint("bicubic", "baselines.interpolation:Bicubic", group),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: entries)
    with pytest.raises(PluginError, match="Two packages register 'same' in .*: a:A, b:B"):
        registry.restorer("same")
    assert registry.restorer("bicubic").card.name == "bicubic"


HOSTILE = {
    "restorers": {"leaves": "leaves:X", "raises": "raises:X", "chatters": "chatters:Chatters"},
    "datasets": {"crashes": "crashes:CARDS", "number": "odd:NUMBER"},
    "metrics": {"crashes": "crashes:CARDS", "taken": "odd:TAKEN"},
    "prompts": {"tags-odd": "odd:NUMBER"},
    "commands": {"crash": "crashes:command", "number": "odd:NUMBER", "typed": "odd:typed"},
}
MODULES = {
    "leaves": "import sys; sys.exit(0)",
    "raises": "class Odd(BaseException): pass\nraise Odd('\\x1b[31mred\\ud800')",
    "chatters": "print('chatter', flush=True)\nfrom fakes import Fake as Chatters",
    "crashes": "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
    "odd": (
        "from benchmarks.metrics.catalogue import METRICS\n"
        "NUMBER = 3\nTAKEN = METRICS[:1]\n"
        "def typed(x: int | bytes) -> None: ..."
    ),
}


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package whose plugins do all that a plugin should not."""
    info = tmp_path / "hostile-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hostile\nVersion: 1.0\n")
    lines = []
    for group, plugins in HOSTILE.items():
        lines += [f"[mfsr_bench.{group}]", *(f"{name} = {at}" for name, at in plugins.items())]
    (info / "entry_points.txt").write_text("\n".join(lines))
    for name, source in MODULES.items():
        (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1]))
    registry.entries.cache_clear()
    return tmp_path


def test_a_package_with_a_damaged_list_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dict(registry.entries("restorers"))
    damaged = tmp_path / "damaged-1.0.dist-info"
    damaged.mkdir()
    (damaged / "METADATA").write_text("Metadata-Version: 2.1\nName: damaged\nVersion: 1.0\n")
    (damaged / "entry_points.txt").write_bytes(b"[mfsr_bench.restorers\nno sense \xff")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry.entries.cache_clear()
    assert registry.entries("restorers") == before
    assert registry.restorer("bicubic").card.name == "bicubic"


@pytest.mark.usefixtures("hostile")
def test_what_is_not_asked_for_is_not_imported(capfd: pytest.CaptureFixture[str]) -> None:
    assert registry.restorer("bicubic").card.name == "bicubic"
    assert registry.metric_specs()["psnr@y601"].name == "psnr"
    assert registry.dataset_cards()["sample"].id == "sample"
    assert select(["psnr", "ssim@rgb"], MFSR_PAPER)[0].id == "psnr@y601"
    assert not {"leaves", "crashes", "odd"} & set(sys.modules)
    assert registry.restorer("chatters").card.name == "fake"
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "chatter\n")


@pytest.mark.usefixtures("hostile")
@pytest.mark.parametrize(
    ("group", "name", "says"),
    [
        ("restorers", "leaves", "SystemExit: 0"),
        ("restorers", "raises", "Odd: \\\\x1b\\[31mred\\\\ud800"),
    ],
)
def test_what_ends_the_program_on_import_is_an_error(group: str, name: str, says: str) -> None:
    with pytest.raises(PluginError, match=says):
        registry.load(group, name, what="plugin", see="")


@pytest.mark.usefixtures("hostile")
def test_lists_name_what_is_broken_and_why() -> None:
    found, broken = registry.load_every("restorers", lambda name: registry.restorer(name).card)
    assert {"bicubic", "chatters"} <= set(found)
    assert {"leaves", "raises"}.isdisjoint(found)
    assert len(broken) == 2
    for cards, causes in (
        (registry.dataset_cards(), ("exit code -11", "it holds 3, not a DatasetCard")),
        (registry.metric_specs(), ("exit code -11", "'psnr@y601' is there already")),
    ):
        assert "crashes" not in list(cards)
        for error, cause in zip(cards.broken, causes, strict=True):
            assert cause in error.cause and "of package 'hostile'" in error.cause


@pytest.mark.usefixtures("hostile")
def test_no_plugin_of_others_breaks_the_program(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = in_this_process(monkeypatch, capsys)
    monkeypatch.setenv("COLUMNS", "200")
    help_ = program("--help")
    assert help_.returncode == 0
    assert "sweep-steps" in help_.stdout
    assert help_.stdout.count("Does not load") == len(HOSTILE["commands"])
    assert program("number").returncode == 7
    for what in ("methods", "datasets", "metrics"):
        answer = program("list", what, "--json")
        assert answer.returncode == 0
        assert json.loads(answer.stdout)
        assert "does not load" in answer.stderr
    unknown = program("run", "--datasets", "sampel", "--plan")
    assert unknown.returncode == 2
    assert "Did you mean 'sample'" in unknown.stderr
