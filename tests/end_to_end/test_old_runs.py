"""Runs that an earlier version made are opened, reported and finished where they lie."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from program import Program

from benchmarks.api.images import read_rgb
from benchmarks.results.read import read_run
from benchmarks.results.session import read_sessions

OLD_RUNS = Path(__file__).parents[1] / "old_runs"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A copy of the runs and of their photographs."""
    return Path(shutil.copytree(OLD_RUNS, tmp_path / "old"))


def arguments(old: Path, name: str, methods: str, metrics: str = "psnr@rgb,ssim@rgb") -> list[str]:
    return [
        "--methods", methods, "--datasets", f"folder:photos={old}/photos/lr::{old}/photos/hr",
        "--metrics", metrics, "--out", str(old / name), "--workers", "0",
    ]  # fmt: skip


def stamps(run: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in (run / "images").rglob("*.png")}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.mark.parametrize(
    ("name", "images", "scores"), [("finished", 4, 8), ("killed", 1, 0), ("sweep", 6, 6)]
)
def test_an_old_run_opens(old: Path, name: str, images: int, scores: int) -> None:
    results = read_run(old / name)
    assert (len(results.images), len(results.scores)) == (images, scores)
    assert {row.dataset for row in results.images} == {"photos"}


@pytest.mark.parametrize("name", ["finished", "sweep"])
def test_an_old_run_is_reported(program: Program, old: Path, name: str) -> None:
    table = program("report", "table", old / name, "--format", "md")
    assert table.returncode == 0, table.stderr
    assert "Bicubic" in table.stdout and "18.23" in table.stdout
    where = f"folder:photos={old}/photos/lr::{old}/photos/hr"
    page = program("report", "html", old / name, "--where", where)
    assert page.returncode == 0, page.stderr


def test_scores_of_another_version_are_computed_anew_and_nothing_else(
    program: Program, old: Path
) -> None:
    run = old / "finished"
    text = (run / "run.json").read_text(encoding="utf-8")
    (run / "run.json").write_text(text.replace("v1 numpy=", "v1 numpy=0."), encoding="utf-8")
    (run / "scores.csv").unlink()
    images = stamps(run)
    done = program("run", *arguments(old, "finished", "bicubic,nearest"))
    assert done.returncode == 0, done.stderr
    assert "psnr@rgb is computed anew: v1 numpy=0." in done.stderr.replace("\n", " ")
    assert stamps(run) == images
    assert len(rows(run / "scores.csv")) == 8
    assert (
        "computed anew" not in program("run", *arguments(old, "finished", "bicubic,nearest")).stderr
    )


def test_a_finished_run_stays_as_it_is_and_takes_more_methods(program: Program, old: Path) -> None:
    run = old / "finished"
    images, scores = stamps(run), rows(run / "scores.csv")
    again = program("run", *arguments(old, "finished", "bicubic,nearest"))
    assert again.returncode == 0, again.stderr
    more = program("run", *arguments(old, "finished", "lanczos"))
    assert more.returncode == 0, more.stderr
    after = stamps(run)
    assert {path: after[path] for path in images} == images
    kept = [row for row in rows(run / "scores.csv") if row["method"] != "lanczos"]
    assert [row | {"value": ""} for row in kept] == [row | {"value": ""} for row in scores]
    for now, then in zip(kept, scores, strict=True):
        # Scored again where NumPy or OpenCV is another version by now.
        assert float(now["value"]) == pytest.approx(float(then["value"]), abs=1e-4)


def test_a_killed_run_is_finished(program: Program, old: Path) -> None:
    run = old / "killed"
    (kept,) = stamps(run).items()
    done = program("run", *arguments(old, "killed", "slow,bicubic"))
    assert done.returncode == 0, done.stderr
    assert kept in stamps(run).items()
    assert len(rows(run / "images.csv")) == 4
    for image in (OLD_RUNS / "finished" / "images" / "bicubic").rglob("*.png"):
        again = run / "images" / "bicubic" / "photos" / image.name
        assert np.array_equal(read_rgb(again), read_rgb(image))
    known = [row["sha256_pixels"] for row in rows(run / "images.csv")]
    assert [bool(pixels) for pixels in known] == [True, True, False, True]
    assert [session["exit_code"] for session in read_sessions(run)] == [0]


def test_more_steps_join_a_sweep(program: Program, old: Path) -> None:
    run = old / "sweep"
    images = stamps(run)
    more = arguments(old, "sweep", "fake,bicubic", "psnr@rgb")
    done = program("sweep-steps", "--steps", "1,4", *more)
    assert done.returncode == 0, done.stderr
    after = stamps(run)
    assert {path: after[path] for path in images} == images
    found = {row["method"] for row in rows(run / "scores.csv")}
    assert found == {"fake@1", "fake@2", "fake@4", "bicubic"}
