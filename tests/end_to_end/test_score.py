"""`mfsr-bench score`: any folder, any convention, and never twice."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from program import Program
from skimage.metrics import peak_signal_noise_ratio

from benchmarks.api.images import read_rgb, write_png
from benchmarks.metrics import scoring


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Three SR images and their references, of different sizes."""
    generator = np.random.default_rng(2)
    for i, name in enumerate(("a", "b c", "d'\"<script>")):
        hr = generator.integers(0, 256, (32 + i, 40, 3), dtype=np.uint8)
        sr = np.clip(hr.astype(int) + generator.integers(-30, 30, hr.shape), 0, 255)
        write_png(tmp_path / "hr" / f"{name}.png", hr)
        write_png(tmp_path / "sr" / f"{name}.png", sr.astype(np.uint8))
    return tmp_path / "sr", tmp_path / "hr"


def test_values_are_means_over_images(
    program: Program, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    sr, hr = folders
    table = tmp_path / "values.csv"
    answer = program(
        "score", "--sr", sr, "--hr", hr, "--metrics", "psnr@rgb,ssim", "--json",
        "--per-image", table,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    found = json.loads(answer.stdout)
    expected = [
        peak_signal_noise_ratio(read_rgb(hr / path.name), read_rgb(path))
        for path in sorted(sr.iterdir())
    ]
    assert found["metrics"]["psnr@rgb"] == {
        "value": pytest.approx(np.mean(expected), abs=1e-3),
        "n": 3,
    }
    assert found["protocol"] == "mfsr-paper-v1"
    with table.open(newline="") as handle:
        lines = list(csv.DictReader(handle))
    assert [line["image"] for line in lines] == ["a", "b c", "d'\"<script>"]
    assert [float(line["psnr@rgb"]) for line in lines] == pytest.approx(expected, abs=1e-3)


def test_what_was_scored_is_not_computed_again(
    program: Program, folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    sr, hr = folders
    words = ("score", "--sr", sr, "--hr", hr, "--metrics", "psnr,ssim", "--json")
    first = program(*words)

    def computed(*_: object, **__: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(scoring.Scorer, "__call__", computed)
    assert program(*words).stdout == first.stdout
    (sr / "a.png").write_bytes((sr / "b c.png").read_bytes())
    with pytest.raises(AssertionError, match="computed again"):
        program(*words)


def test_a_copy_under_another_name_is_known_by_its_content(
    program: Program, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    sr, hr = folders
    words = ("--metrics", "psnr", "--json")
    first = json.loads(program("score", "--sr", sr, "--hr", hr, *words).stdout)
    moved = sr.rename(tmp_path / "moved")
    again = json.loads(program("score", "--sr", moved, "--hr", hr, *words).stdout)
    assert again["metrics"] == first["metrics"]


def test_conventions_are_named_with_their_users_and_an_expected_value_found(
    program: Program, folders: tuple[Path, Path]
) -> None:
    sr, hr = folders
    words = ("score", "--sr", sr, "--hr", hr, "--metrics", "psnr", "--conventions")
    found = json.loads(program(*words, "--json").stdout)["conventions"]
    values = {one["id"]: one["value"] for one in found}
    assert values["psnr@y601"] - values["psnr@yiq"] == pytest.approx(1.3219, abs=1e-3)
    assert all(one["definition"] for one in found)
    expected = f"psnr={values['psnr@rgb']:.2f}"
    answer = program(*words, "--expect", expected)
    nearest = answer.stdout.splitlines()[-3]
    assert nearest.startswith(f"{expected}: psnr@rgb")
    another = values["psnr@y601"] - 1.32
    mixed = json.loads(program(*words, "--expect", f"psnr={another}", "--json").stdout)
    assert mixed["explanations"][0]["expected"] == "psnr@yiq"
    assert "as if it were psnr@yiq" in program(*words, "--expect", f"psnr={another}").stdout
    assert program(*words, "--expect", "psnr").returncode == 2


def test_an_expected_value_asks_for_its_own_metric_alone(
    program: Program, folders: tuple[Path, Path]
) -> None:
    words = ("score", "--sr", folders[0], "--hr", folders[1], "--conventions", "--expect")
    found = json.loads(program(*words, "ssim=0.7", "--json").stdout)["conventions"]
    assert len(found) > 3 and all(one["id"].startswith("ssim@") for one in found)
    refused = program(*words, "lpips=0.3")  # named, so it is not left out
    assert refused.returncode == 4 and "mfsr-bench weights fetch lpips" in refused.stderr
    assert "dists" not in refused.stderr.lower()
    wrong = program(*words, "psnr")
    assert wrong.returncode == 2 and "score 0/" not in wrong.stderr


def test_what_was_left_out_is_one_line_with_the_command_that_gets_it(
    program: Program, folders: tuple[Path, Path]
) -> None:
    answer = program("score", "--sr", folders[0], "--hr", folders[1])
    assert answer.returncode == 1  # the images are too small for NIQE
    (line,) = [one for one in answer.stdout.splitlines() if "not computed" in one]
    assert "lpips@alex" in line and "(weights missing)" in line
    assert "mfsr-bench weights fetch dists@vgg16,lpips@alex --from index" in answer.stderr


def test_unusable_folders_are_data_errors(
    program: Program, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    sr, hr = folders
    (hr / "a.png").rename(hr / "A.png")
    for words, says in (
        (("--sr", sr, "--hr", hr), "has no HR image of its name"),
        (("--sr", tmp_path / "none", "--hr", hr), "No such folder"),
    ):
        answer = program("score", *words, "--metrics", "psnr")
        assert answer.returncode == 3
        assert says in answer.stderr.replace("\n", " ")


def test_an_image_without_a_score_is_a_recorded_failure(
    program: Program, folders: tuple[Path, Path]
) -> None:
    sr, hr = folders
    write_png(sr / "a.png", np.zeros((8, 8, 3), np.uint8))
    (sr / "b c.png").write_bytes(b"\x89PNG rubbish")
    answer = program("score", "--sr", sr, "--hr", hr, "--metrics", "psnr", "--json")
    assert answer.returncode == 1
    found = json.loads(answer.stdout)
    assert {row["image"] for row in found["failures"]} == {"a", "b c"}
    assert found["metrics"]["psnr@y601"]["n"] == 1


def test_metrics_that_cannot_run_are_refused_or_skipped(
    program: Program, folders: tuple[Path, Path]
) -> None:
    sr, hr = folders
    words = ("score", "--sr", sr, "--hr", hr, "--metrics", "psnr,lpips")
    refused = program(*words)
    assert refused.returncode == 4
    assert "weights fetch lpips@alex" in refused.stderr
    skipped = program(*words, "--missing", "skip")
    assert skipped.returncode == 0
    assert "lpips@alex: not computed" in skipped.stdout
    no_reference = program("score", "--sr", sr, "--metrics", "psnr")
    assert no_reference.returncode == 2
    assert "--hr" in no_reference.stderr
