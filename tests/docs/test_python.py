"""The page on Python shows what happens: its examples are run."""

from __future__ import annotations

import doctest
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.api.images import write_png

PAGE = Path(__file__).parents[2] / "docs" / "python.md"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the page says is there; runs work in this process, where torch is imported once."""
    generator = np.random.default_rng(4)
    for name in ("a", "b"):
        small = Image.fromarray(generator.integers(0, 256, (16, 20, 3), np.uint8))
        hr = np.asarray(small.resize((160, 128), Image.Resampling.BICUBIC))
        lr = np.asarray(Image.fromarray(hr).resize((40, 32), Image.Resampling.BOX))
        sr = (hr + generator.normal(0, 9, hr.shape)).clip(0, 255).astype(np.uint8)
        for side, image in (("HR", hr), ("lr", lr), ("results", sr)):
            write_png(tmp_path / side / f"{name}.png", image)
    shutil.copy(tmp_path / "lr" / "a.png", tmp_path / "photo.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("benchmarks.search.cores", lambda: 0)
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_the_examples_of_the_page_run() -> None:
    failed, tried = doctest.testfile(
        str(PAGE), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE
    )
    assert tried > 15
    assert not failed
