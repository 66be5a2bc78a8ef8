"""`mfsr-bench verify` from the command line, on real images and published scores."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from benchmarks.api.errors import DataError, UnknownNameError, UsageError
from benchmarks.cli.verify import verify
from benchmarks.metrics.tolerances import TOLERANCES


def run(*arguments: str | Path) -> Result:
    app = typer.Typer()
    app.command()(verify)
    return CliRunner().invoke(app, list(map(str, arguments)))


@pytest.fixture
def folders(shared_data: Path) -> list[str | Path]:
    mini = shared_data / "drealsr-mini"
    return ["--sr", mini / "osediff", "--hr", mini / "hr", "--metrics", "psnr,ssim"]


def test_published_scores_of_published_images_are_met(folders, shared_data: Path) -> None:
    published = shared_data / "osediff_drealsr_published.csv"
    done = run(*folders, "--published", published, "--subset", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["agrees"], found["n"], found["n_published"]) == (True, 9, 93)
    for one in found["metrics"]:
        assert one["difference"] <= TOLERANCES[one["metric"]].image


def test_a_difference_is_exit_code_1_and_named(folders, shared_data: Path, tmp_path: Path) -> None:
    text = (shared_data / "osediff_drealsr_published.csv").read_text()
    lines = [
        line.replace(",", ",1", 1) if line.startswith("P1171051_x1.png") else line
        for line in text.splitlines()
    ]
    (tmp_path / "other.csv").write_text("\n".join(lines))
    done = run(*folders, "--published", tmp_path / "other.csv", "--subset")
    assert done.exit_code == 1
    assert "P1171051_x1" in done.stdout
    assert "1 of 2 metrics differ" in done.stdout
    assert "psnr@y601: the means differ by" in done.stdout


def test_wrong_arguments_say_what_there_is(folders, shared_data: Path) -> None:
    published = shared_data / "osediff_drealsr_published.csv"
    for arguments, error, text in (
        (["--published", "osediff"], UsageError, "osediff-realsr, osediff-drealsr"),
        (["--published", published], DataError, "84 of 93 published images are missing"),
        (["--published", published, "--metrics", "niqqe"], UnknownNameError, "'niqe'"),
        (["--published", "absent.csv"], DataError, "Cannot read absent.csv"),
    ):
        done = run(*folders, *arguments)
        assert isinstance(done.exception, error)
        assert text in str(done.exception)
