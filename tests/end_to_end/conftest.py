"""The program as a user starts it, with a plugin package of fakes installed beside it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from program import Program, in_this_process

from benchmarks.api.images import write_png

TESTS = Path(__file__).parents[1]
FAKES = {
    "fake": "Fake",
    "slow": "Slow",
    "wrong-size": "WrongSize",
    "not-finite": "NotFinite",
    "raises": "Raises",
    "kills": "Kills",
    "kills-on-load": "KillsOnLoad",
    "weighted": "Weighted",
}


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of the program: a plugin package with the fakes is installed in it."""
    site = tmp_path / "site"
    package = site / "fakes_plugin-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: fakes-plugin\nVersion: 1.0\n")
    lines = [f"{name} = fakes:{kind}" for name, kind in FAKES.items()]
    (package / "entry_points.txt").write_text("\n".join(["[mfsr_bench.restorers]", *lines]))
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.chdir(tmp_path)
    return {**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{TESTS}"}


@pytest.fixture
def program(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Program:
    """Run `mfsr-bench` in this process and in a folder of the test's own."""
    return in_this_process(monkeypatch, capsys)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Six small LR images with their HR images; one is called "bad"."""
    generator = np.random.default_rng(5)
    for i, name in enumerate(("a", "b", "c-bad", "d e", "f'\"<script>", "g")):
        hr = generator.integers(0, 256, (8, 10 + (i == 3), 3)).repeat(4, 0).repeat(4, 1)
        hr = (hr * 0.5 + generator.integers(0, 128, hr.shape)).astype(np.uint8)
        write_png(tmp_path / "photos" / "hr" / f"{name}.png", hr)
        write_png(tmp_path / "photos" / "lr" / f"{name}.png", hr[::4, ::4])
    return tmp_path / "photos"
