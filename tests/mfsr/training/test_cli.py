from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.api.errors import ConfigError, UsageError
from mfsr.training import recipes
from mfsr.training.cli import app
from mfsr.training.recipes import Recipe, Stage


def run(*arguments: object) -> tuple[str, str]:
    result = CliRunner().invoke(app, [str(word) for word in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout, result.stderr


def test_a_run_prints_its_model_on_stdout_and_its_progress_on_stderr(
    photos: Path,
    base: Path,
    tmp_path: Path,
    mini: Callable[[Stage], Recipe],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = mini("teacher")
    monkeypatch.setitem(recipes.RECIPES, ("teacher", "tiny"), lambda: made)
    folders = ("--data", photos, "--base", base, "--out", tmp_path / "run")
    arguments = ("teacher", "--recipe", "tiny", *folders)
    out, err = run(*arguments, "--steps", 2)
    assert out.strip() == str(tmp_path / "run" / "model")
    assert "step 2/2  loss " in err and "0:00:00 left" in err
    out, err = run(*arguments, "--steps", 3)  # longer: goes on
    assert "step 3/3" in err and "step 1/3" not in err


def test_a_plan_needs_neither_data_nor_weights() -> None:
    out, _ = run("teacher", "--recipe", "tiny", "--plan", "--steps", 7)
    assert "7 steps of 8 x 1 samples a process" in out
    assert "average of the weights" in out


def test_a_plan_takes_changes_of_the_recipe() -> None:
    out, _ = run("mfsr", "--recipe", "tiny", "--plan", "--set", "trainer.batch=4", "--steps", 5)
    assert "5 steps of 4 x 1 samples a process" in out


def test_a_run_without_data_says_what_is_missing() -> None:
    with pytest.raises(UsageError, match="needs data and a folder"):
        run("mfsr", "--recipe", "tiny")


def test_stage_2_without_a_teacher_says_so(
    photos: Path,
    tmp_path: Path,
    mini: Callable[[Stage], Recipe],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = mini("mfsr")
    monkeypatch.setitem(recipes.RECIPES, ("mfsr", "tiny"), lambda: made)
    with pytest.raises(UsageError, match="none is given"):
        run("mfsr", "--recipe", "tiny", "--data", photos, "--out", tmp_path)


@pytest.mark.parametrize(
    "change", ["trainer.betas=[0.9]", "data.crop=30", "network.num_layers=two", "model.schema=7"]
)
def test_a_change_that_does_not_fit_leaves_no_trace(
    photos: Path, tmp_path: Path, change: str
) -> None:
    """The corrected command must not meet a folder that the wrong one has claimed."""
    arguments = ("teacher", "--recipe", "tiny", "--data", photos, "--out", tmp_path / "run")
    with pytest.raises(ConfigError, match="recipe 'tiny' of teacher: "):
        run(*arguments, "--set", change)
    assert not (tmp_path / "run").exists()


def test_an_unknown_recipe_is_refused() -> None:
    with pytest.raises(ConfigError, match="No recipe 'huge'"):
        run("teacher", "--recipe", "huge", "--plan")
