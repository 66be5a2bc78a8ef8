"""Two runs side by side: hashes of files, paired tests, what became worse."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from runs import photographs, write_run
from scipy import stats
from typer.testing import CliRunner

from benchmarks.api.images import read_rgb, sha256_file, sha256_pixels, write_png
from benchmarks.results.directory import RunDirectory
from benchmarks.results.rows import ImageRow, ScoreRow
from benchmarks.results.store import RunStore
from reports.cli import app

IMAGES = [f"p{k:02}" for k in range(12)]


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    spec = photographs(tmp_path / "photos", IMAGES)
    return tuple(write_run(tmp_path / name, spec, ["one", "two"]) for name in ("a", "b"))


def change(run: Path, metric: str, shift) -> None:
    store = RunStore(run)
    rows = [row for row in store.rows(ScoreRow) if row.metric == metric and row.method == "one"]
    store.write(
        [
            ScoreRow(
                dataset=row.dataset,
                method=row.method,
                image=row.image,
                metric=metric,
                value=row.value + shift(k),
            )
            for k, row in enumerate(rows)
        ]
    )
    store.close()


def invoke(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["diff", *map(str, words)])
    return done.exit_code, done.output


def test_equal_runs_differ_in_nothing(runs: tuple[Path, Path]) -> None:
    code, text = invoke(*runs)
    assert code == 0, text
    assert "equal" in text
    assert "worse  " not in text.split("verdict")[1]


def files(runs: tuple[Path, Path]) -> dict[str, int]:
    """Return how many files of each method are other images."""
    _, text = invoke(*runs, "--json")
    return {row["method"]: row["changed"] for row in json.loads(text) if "changed" in row}


def test_images_are_compared_by_their_pixels(runs: tuple[Path, Path]) -> None:
    assert files(runs) == {"one": 0, "two": 0}
    store = RunStore(runs[1])
    rows = [row for row in store.rows(ImageRow) if row.method == "one"][:3]
    places = [RunDirectory(runs[1]).image("one", row.dataset, row.image) for row in rows]
    pixels = [read_rgb(place) for place in places]
    for place, image in zip(places[:2], pixels[:2], strict=True):
        Image.fromarray(image).save(place, compress_level=0)
    write_png(places[2], 255 - pixels[2])
    store.write(
        replace(row, sha256=sha256_file(place), sha256_pixels=known)
        for row, place, known in zip(rows, places, (sha256_pixels(pixels[0]), "", ""), strict=True)
    )
    store.close()
    assert files(runs) == {"one": 1, "two": 0}
    places[1].unlink()  # then nothing tells that it was the same image
    assert files(runs) == {"one": 2, "two": 0}


def test_a_loss_of_every_image_is_worse_and_says_so_by_the_exit_code(
    runs: tuple[Path, Path],
) -> None:
    change(runs[1], "lpips@alex", lambda k: 0.01 + 0.001 * k)  # lower is better
    code, text = invoke(*runs, "--json")
    assert code == 1
    rows = json.loads(text)
    found = next(
        row for row in rows if row.get("metric") == "lpips@alex" and row["method"] == "one"
    )
    assert (found["better"], found["worse"], found["verdict"]) == (0, 12, "worse")
    assert found["difference"] == pytest.approx(0.0155)


def test_p_is_that_of_scipy(runs: tuple[Path, Path]) -> None:
    shifts = np.random.default_rng(3).normal(0.02, 0.05, len(IMAGES))
    change(runs[1], "psnr@y601", lambda k: shifts[k])
    _, text = invoke(*runs, "--json")
    found = next(row for row in json.loads(text) if row.get("verdict") and row["better"])
    expected = stats.permutation_test(
        (shifts,), np.mean, permutation_type="samples", n_resamples=np.inf
    ).pvalue
    assert found["p"] == pytest.approx(expected, abs=1e-9)


def test_runs_without_shared_scores_are_refused(tmp_path: Path, runs: tuple[Path, Path]) -> None:
    spec = photographs(tmp_path / "others", ["q"])
    other = write_run(tmp_path / "c", spec, ["three"])
    done = CliRunner().invoke(app, ["diff", str(runs[0]), str(other)])
    assert done.exit_code
    assert "share no scores" in str(done.exception)
