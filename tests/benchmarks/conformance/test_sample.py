"""Conformance for everybody: scores of public-domain photographs that pyiqa computed, met by ours.

`tests/reference_scores.py` says how `sample_scores.csv` was made.
"""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from program import Program, in_this_process
from reference_scores import NAMES, SAMPLE, enlarged

from benchmarks.api.images import read_rgb
from benchmarks.metrics.niqe import Niqe, shipped_model

PUBLISHED = Path(__file__).with_name("sample_scores.csv")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The images that are scored, and their references."""
    folder = tmp_path_factory.mktemp("sample")
    for side in ("sr", "hr"):
        (folder / side).mkdir()
    for name in NAMES:
        enlarged(name).save(folder / "sr" / f"{name}.png")
        shutil.copy(SAMPLE / "hr" / f"{name}.png", folder / "hr")
    return folder


def test_verify_meets_the_published_scores(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program: Program = in_this_process(monkeypatch, capsys)
    where = ("--sr", folder / "sr", "--hr", folder / "hr", "--published", PUBLISHED)
    answer = program("verify", *where, "--metrics", "psnr,ssim", "--json")
    assert answer.returncode == 0, answer.stderr
    found = json.loads(answer.stdout)
    assert (found["agrees"], found["n"]) == (True, len(NAMES))
    bounds = {"psnr@y601": 1e-5, "ssim@y601": 2e-6}
    assert {one["metric"] for one in found["metrics"]} == bounds.keys()
    assert all(one["difference"] <= bounds[one["metric"]] for one in found["metrics"])


@pytest.mark.parametrize("name", NAMES)
def test_niqe_meets_the_published_score(folder: Path, name: str) -> None:
    with PUBLISHED.open(newline="") as file:
        published = {row["image"]: float(row["NIQE"]) for row in csv.DictReader(file)}
    metric = Niqe(shipped_model(), arithmetic="cpu")
    (value,) = metric.score([read_rgb(folder / "sr" / f"{name}.png")], None)
    # Rounding to grey levels has ties, which another processor may decide otherwise.
    assert value == pytest.approx(published[f"{name}.png"], abs=1e-3)
