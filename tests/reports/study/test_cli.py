"""`mfsr-bench study ingest`, `analyse` and `power`, as they are typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from raters import a_study, everybody
from typer.testing import Result

from benchmarks.api.errors import ConfigError, DataError
from reports.study.design import StudyDesign
from reports.study.study import Study, write_study

Command = Callable[..., Result]
LIKES = {"first": 1.5, "second": 0.0, "third": -1.0}


@pytest.fixture
def answered(tmp_path: Path, study: Study) -> Path:
    """A study that 12 raters have answered; one file is none of its answers."""
    write_study(study, tmp_path / "study")
    for i, one in enumerate(everybody(study, LIKES)):
        path = tmp_path / "downloads" / f"{i}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(one))
    return tmp_path / "study"


def test_ingest_and_analyse(answered: Path, study_command: Command) -> None:
    study_command("ingest", answered, answered.parent / "downloads")
    said = study_command("analyse", answered)
    assert "User study: 12 raters, 8 images, the best of 3, 96 votes." in said.stdout
    assert "Plackett-Luce" in said.stdout and "Krippendorff's alpha" in said.stdout
    found = json.loads((answered / "analysis" / "analysis.json").read_text())
    assert [one["method"] for one in found["methods"]] == ["first", "second", "third"]
    assert sum(one["votes"] for one in found["methods"]) == 96
    assert {one["trials"] for one in found["methods"]} == {96}
    best, worst = found["methods"][0], found["methods"][2]
    assert best["interval"][0] < best["share"] < best["interval"][1]
    assert best["strength"] > 0 > worst["strength"]
    (pair,) = [d for d in found["differences"] if (d["first"], d["second"]) == ("first", "third")]
    assert pair["p_holm"] < 0.05 and pair["difference"] > 0
    folder = answered / "analysis"
    assert "| FIRST |" in (folder / "analysis.md").read_text()
    assert r"\toprule" in (folder / "analysis.tex").read_text()
    for form, start in {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}.items():
        assert (folder / f"shares.{form}").read_bytes().startswith(start)


def test_analyse_writes_the_same_bytes_again(answered: Path, study_command: Command) -> None:
    study_command("ingest", answered, answered.parent / "downloads")
    for name in ("one", "two"):
        study_command("analyse", answered, "--out", answered.parent / name)
    one, two = (
        {path.name: path.read_bytes() for path in (answered.parent / name).iterdir()}
        for name in ("one", "two")
    )
    assert len(one) == 7 and one == two


def test_ingest_says_what_is_no_answer(answered: Path, study_command: Command) -> None:
    (answered.parent / "downloads" / "x.json").write_text("{}")
    said = study_command("ingest", answered, answered.parent / "downloads", "--json", code=1)
    assert json.loads(said.stdout)["refused"] == 1
    assert "not a document of answers" in (answered / "refused.csv").read_text()


def test_two_at_a_time_are_bradley_and_terrys(
    tmp_path: Path, make_design: Callable[..., StudyDesign], study_command: Command
) -> None:
    study = a_study(make_design(shown=2, per_image=3))
    write_study(study, tmp_path / "study")
    path = tmp_path / "all"
    path.mkdir()
    for i, one in enumerate(everybody(study, LIKES)):
        (path / f"{i}.json").write_text(json.dumps(one))
    study_command("ingest", tmp_path / "study", path)
    said = study_command("analyse", tmp_path / "study", "--json")
    found = json.loads(said.stdout)
    assert found["model"] == "Bradley-Terry" and found["votes"] == 12 * 8 * 3
    # Each pair of three methods, by each of 12 raters on each of 8 images.
    assert {one["trials"] for one in found["differences"]} == {96}
    assert {one["trials"] for one in found["methods"]} == {192}


def test_analyse_before_ingest_says_what_to_do(answered: Path, study_command: Command) -> None:
    with pytest.raises(DataError) as raised:
        study_command("analyse", answered)
    assert "study ingest" in str(raised.value)
    study_command("ingest", answered)
    with pytest.raises(DataError, match="No vote counts"):
        study_command("analyse", answered)


def test_power_grows_with_raters_and_images(study_command: Command) -> None:
    words = "power --shares 0.4,0.3,0.2,0.1 --raters 5,40 --images 5,20 --studies 60 --json"
    found = json.loads(study_command(*words.split()).stdout)
    sizes = {(one["raters"], one["images"]): one for one in found["sizes"]}
    small, large = sizes[5, 5], sizes[40, 20]
    assert small["half_width"] > large["half_width"]
    assert large["found"][2] > 0.9 > small["found"][0]
    assert all(a <= b for a, b in zip(large["found"], large["found"][1:], strict=False))
    said = study_command("power", "--shares", "0.5,0.5", "--studies", "20").stdout
    assert "over 50.0%" in said


@pytest.mark.parametrize("shares", ["0.5", "0.5,0.1", "1,0", "-0.5,1.5"])
def test_power_wants_shares(study_command: Command, shares: str) -> None:
    with pytest.raises(ConfigError):
        study_command("power", f"--shares={shares}")
