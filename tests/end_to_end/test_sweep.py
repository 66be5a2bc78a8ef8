"""`mfsr-bench sweep-steps`, with a fake in the place of the figure."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from program import Program

from benchmarks import registry
from benchmarks.results.rows import RunResults


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[RunResults]:
    """The runs that were handed to the figure."""
    seen: list[RunResults] = []

    def steps(results: RunResults, out: Path) -> list[Path]:
        seen.append(results)
        out.mkdir(exist_ok=True)
        (out / "steps.csv").write_text("drawn\n")
        return [out / "steps.csv"]

    load, entries = registry.load, registry.entries

    def loaded(group: str, name: str, **words: str) -> Any:
        return steps if (group, name) == ("reports", "steps") else load(group, name, **words)

    def with_steps(group: str) -> dict[str, Any]:
        return {**entries(group), "steps": None} if group == "reports" else entries(group)

    monkeypatch.setattr(registry, "load", loaded)
    monkeypatch.setattr(registry, "entries", with_steps)
    return seen


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation without the figure."""
    entries = registry.entries

    def without(group: str) -> dict[str, Any]:
        return {name: entry for name, entry in entries(group).items() if name != "steps"}

    monkeypatch.setattr(registry, "entries", without)


def arguments(photos: Path, out: Path, *more: str) -> list[str]:
    return [
        "sweep-steps", "--methods", "fake,bicubic", "--datasets",
        f"folder:{photos}/lr::{photos}/hr", "--metrics", "psnr@rgb", "--limit", "2",
        "--workers", "0", "--out", str(out), *more,
    ]  # fmt: skip


def test_sweep_runs_one_row_per_step_count_and_draws_them(
    program: Program, photos: Path, tmp_path: Path, drawn: list[RunResults]
) -> None:
    out = tmp_path / "sweep"
    done = program(*arguments(photos, out, "--steps", "1,4"))
    assert done.returncode == 0, done.stderr
    assert str(out / "steps" / "steps.csv") in done.stderr
    assert {row.method for row in drawn[0].scores} == {"fake@1", "fake@4", "bicubic"}
    steps = {key: facts["steps"] for key, facts in drawn[0].run["identity"]["methods"].items()}
    assert steps == {"fake@1": 1, "fake@4": 4, "bicubic": None}


def test_more_steps_join_a_sweep_and_nothing_is_done_twice(
    program: Program, photos: Path, tmp_path: Path, drawn: list[RunResults]
) -> None:
    out = tmp_path / "sweep"
    assert program(*arguments(photos, out, "--steps", "1")).returncode == 0
    first = out / "images" / "fake@1"
    written = {path: path.stat().st_mtime_ns for path in first.rglob("*.png")}
    assert len(written) == 2
    assert program(*arguments(photos, out, "--steps", "2")).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in first.rglob("*.png")} == written
    with (out / "scores.csv").open(encoding="utf-8", newline="") as handle:
        methods = {row["method"] for row in csv.DictReader(handle)}
    assert methods == {"bicubic", "fake@1", "fake@2"}


def test_plan_computes_nothing(
    program: Program, photos: Path, tmp_path: Path, drawn: list[RunResults]
) -> None:
    out = tmp_path / "sweep"
    done = program(*arguments(photos, out, "--steps", "1,2", "--plan"))
    assert done.returncode == 0, done.stderr
    assert "fake@2" in done.stdout
    assert not out.exists() and not drawn


@pytest.mark.usefixtures("undrawn")
def test_without_the_figure_a_sweep_says_so_and_has_its_table(
    program: Program, photos: Path, tmp_path: Path
) -> None:
    done = program(*arguments(photos, tmp_path / "sweep", "--steps", "1"))
    assert done.returncode == 0, done.stderr
    assert "no report 'steps'" in done.stderr
    assert "fake" in done.stdout.lower()
