"""A small study: in memory, and on disk with its images."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from raters import a_study
from runs import photographs, write_run
from typer.testing import CliRunner, Result

from reports.study.cli import app
from reports.study.design import StudyDesign
from reports.study.study import Study

METHODS = ("first", "second", "third")
Study_ = Callable[..., Result]


def design(**changes: Any) -> StudyDesign:
    facts: dict[str, Any] = {
        "methods": METHODS,
        "images": tuple(("photos", f"i{n}") for n in range(8)),
        "obvious": (("photos", "o0"), ("photos", "o1")),
        "shown": 3,
        "repeats": 2,
        "raters": 12,
    }
    return StudyDesign(**(facts | changes))


@pytest.fixture
def make_design() -> Callable[..., StudyDesign]:
    """The function that makes a design."""
    return design


@pytest.fixture
def study() -> Study:
    """A study of 12 raters, 8 images and 3 methods."""
    return a_study(design())


def _study(*arguments: str | Path, code: int = 0) -> Result:
    found = CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)
    assert found.exit_code == code, found.output
    return found


@pytest.fixture
def study_command() -> Study_:
    """`mfsr-bench study`, in this process."""
    return _study


@pytest.fixture(scope="module")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `built` is a copy of."""
    folder = tmp_path_factory.mktemp("built")
    names = [f"photo {n} <b>" for n in range(7)]
    spec = photographs(folder / "photos", names, side=64)
    run = write_run(folder / "run", spec, METHODS)
    words = "--images 6 --raters 8 --repeats 1 --obvious 1 --min-seconds 0.2 --fast-seconds 0.1"
    _study("build", run, "--out", folder / "study", *words.split())
    return folder


@pytest.fixture
def built(tmp_path: Path, built_once: Path) -> Path:
    """A study on disk: 6 rated images, one repeat, one obvious trial, 8 raters."""
    for name in ("photos", "run", "study"):
        shutil.copytree(built_once / name, tmp_path / name)
    return tmp_path / "study"
