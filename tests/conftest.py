"""What every test gets: its own home and cache, no network, fixed seeds."""

from __future__ import annotations

import os
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import registry
from benchmarks.api import reach

# The hub's library reads these when it is imported, which a test module may do before any test.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HOME"] = str(Path(tempfile.gettempdir()) / "mfsr-bench-tests-without-a-hub-cache")

# Fakes are imported by name, by tests and by worker processes alike.
sys.path.insert(0, str(Path(__file__).parent))

import versions  # one of them

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("MFSR_BENCH_HOME", str(home / "data"))
    monkeypatch.setenv("MFSR_BENCH_CACHE", str(home / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(home / "torch"))
    monkeypatch.setenv("HF_HOME", str(home / "hf"))
    monkeypatch.delenv("COLUMNS", raising=False)  # pytest-xdist sets it: texts would be folded


@pytest.fixture(autouse=True)
def _seeds() -> None:
    random.seed(0)
    np.random.seed(0)


@pytest.fixture(autouse=True)
def _fresh_registry() -> None:
    registry.entries.cache_clear()


@pytest.fixture(autouse=True)
def _fresh_reach() -> None:
    reach.forget()


def pytest_report_header() -> str:
    """Say in which versions a failure may have its cause."""
    moved = [f"{name} {here} ({locked})" for name, locked, here in versions.moved()]
    return f"versions: {', '.join(moved) or 'none'} other than in constraints.txt"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line what was not tested on this machine, and why."""
    reasons = Counter(
        str(report.longrepr[2]).removeprefix("Skipped: ")
        for report in terminalreporter.stats.get("skipped", ())
    )
    if reasons:
        line = "; ".join(f"{why} ({count})" for why, count in reasons.most_common())
        terminalreporter.write_line(f"Not tested here: {line}", yellow=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-golden", action="store_true", help="write golden files anew")


@pytest.fixture
def write_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be written instead of compared with."""
    return bool(request.config.getoption("--write-golden"))


@pytest.fixture
def shared_data() -> Path:
    """The folder of real photographs and published scores; skips where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("shared/data is not beside the project")
    return SHARED_DATA


@pytest.fixture
def rehearse(request: pytest.FixtureRequest) -> Any:
    """A first contact with the places that weights come from: see `rehearsal`."""
    if not request.config.pluginmanager.hasplugin("rehearsal"):
        pytest.skip("rehearsals run in nox -s rehearse")
    return request.getfixturevalue("rehearsal")
