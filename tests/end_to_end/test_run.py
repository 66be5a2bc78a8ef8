"""`mfsr-bench run`, as a user meets it: results, failures, interruptions, conflicts."""

from __future__ import annotations

import csv
import json
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from program import Program, command
from skimage.metrics import peak_signal_noise_ratio

from benchmarks.api.images import read_rgb
from benchmarks.datasets.catalogue import SAMPLE
from benchmarks.datasets.places import of_card
from benchmarks.results.session import read_sessions

N = 6
RESULTS = ("images.csv", "scores.csv", "set_scores.csv", "failures.csv")


def arguments(photos: Path, out: Path, methods: str, *more: str) -> list[str]:
    return [
        "run", "--methods", methods, "--datasets", f"folder:{photos}/lr::{photos}/hr",
        "--metrics", "psnr@rgb,ssim", "--out", str(out), *more,
    ]  # fmt: skip


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def contents(run: Path) -> dict[str, bytes]:
    """Return every result of a run: the files for people, and the images."""
    files = [run / name for name in RESULTS] + sorted((run / "images").rglob("*.png"))
    return {str(path.relative_to(run)): path.read_bytes() for path in files}


def test_values_are_those_of_an_independent_reference(
    program: Program, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    done = program(*arguments(photos, out, "nearest,bicubic", "--json"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["failures"] == 0
    found = [row for row in rows(out / "scores.csv") if row["metric"] == "psnr@rgb"]
    assert len(found) == 2 * N
    for row in found:
        sr = read_rgb(out / "images" / row["method"] / row["dataset"] / f"{row['image']}.png")
        hr = read_rgb(photos / "hr" / f"{row['image']}.png")
        assert float(row["value"]) == pytest.approx(peak_signal_noise_ratio(hr, sr), abs=1e-3)
    assert "Bicubic" in (out / "summary.md").read_text()
    (session,) = read_sessions(out)
    assert session["exit_code"] == 0
    assert session["packages"]["torch"]
    assert session["request"]["methods"] == ["nearest", "bicubic"]


def test_the_same_command_again_computes_nothing(
    program: Program, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    program(*arguments(photos, out, "fake,bicubic"))
    before = contents(out)
    stamps = {p: p.stat().st_mtime_ns for p in (out / "images").rglob("*.png")}
    again = program(*arguments(photos, out, "fake,bicubic"))
    assert again.returncode == 0
    assert contents(out) == before
    assert {p: p.stat().st_mtime_ns for p in (out / "images").rglob("*.png")} == stamps
    assert f"nothing to do: {2 * N} images and {4 * N} scores were there" in again.stderr
    assert "restore" not in again.stderr


def test_failures_are_recorded_and_the_rest_is_finished(
    program: Program, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    done = program(*arguments(photos, out, "bicubic,raises,wrong-size,not-finite"))
    assert done.returncode == 1
    failures = rows(out / "failures.csv")
    by_method: dict[str, set[str]] = {}
    for row in failures:
        by_method.setdefault(row["method"], set()).add(row["image"])
    assert by_method["raises"] == {"c-bad"}
    assert len(by_method["wrong-size"]) == len(by_method["not-finite"]) == N
    assert "bicubic" not in by_method
    causes = {row["method"]: row["cause"] for row in failures}
    assert causes["raises"] == "this image is too hard"
    assert "(1, 3, 32, 39)" in causes["wrong-size"] or "(1, 3, 32, 43)" in causes["wrong-size"]
    scored = {(row["method"], row["image"]) for row in rows(out / "scores.csv")}
    assert len(scored) == N + (N - 1)
    assert "failed to restore raises folder" in done.stderr.replace("\n", " ")


def start(environment: dict[str, str], *words: str) -> subprocess.Popen[str]:
    """Start the program as a process of its own, with workers."""
    return subprocess.Popen(
        command(*words), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_a_method_that_kills_its_process_costs_one_image(
    environment: dict[str, str], photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    running = start(environment, *arguments(photos, out, "kills,kills-on-load,bicubic"))
    stdout, stderr = running.communicate(timeout=120)
    assert running.returncode == 1, stderr
    failed = {(row["method"], row["image"]): row for row in rows(out / "failures.csv")}
    assert ("kills", "c-bad") in failed
    assert "SIGKILL" in failed["kills", "c-bad"]["cause"]
    assert len(failed) == 1 + N
    assert "exit code 3" in failed["kills-on-load", "a"]["cause"]
    assert "Bicubic" in stdout


@pytest.mark.parametrize("signal_", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_is_finished_by_the_same_command(
    program: Program,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    photos: Path,
    tmp_path: Path,
    signal_: signal.Signals,
) -> None:
    whole = tmp_path / "whole"
    assert program(*arguments(photos, whole, "slow,bicubic")).returncode == 0
    # A cache of its own, so that the second run cannot profit from the first one's scores.
    environment["MFSR_BENCH_CACHE"] = str(tmp_path / "other-cache")
    monkeypatch.setenv("MFSR_BENCH_CACHE", environment["MFSR_BENCH_CACHE"])
    out = tmp_path / "cut"
    # Rows arrive a second's worth at a time: none of the others may be made meanwhile.
    slowly = environment | {"SLOW_SECONDS": "2"}
    running = start(slowly, *arguments(photos, out, "slow,bicubic"))
    wait_for_images(out, 1)
    os.kill(running.pid, signal_)
    _, errors = running.communicate(timeout=30)
    if signal_ != signal.SIGKILL:
        assert running.returncode == 130, errors
        assert "Repeat the command to go on" in errors
    kept = {path: path.stat().st_mtime_ns for path in finished(out)}
    assert 0 < len(kept) < 2 * N
    (cut,) = read_sessions(out)
    assert cut["machine"]["cpu"] and cut["tool"] and cut["packages"]
    assert cut.get("exit_code") == (None if signal_ == signal.SIGKILL else 130)
    with (out / "sessions.jsonl").open("a") as sessions:
        sessions.write('{"session": "of a machine that lost its pow')
    done = program(*arguments(photos, out, "slow,bicubic"))
    assert done.returncode == 0, done.stderr
    assert [one.get("exit_code") for one in read_sessions(out)] == [cut.get("exit_code"), 0]
    assert contents(out) == contents(whole)
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in kept.items())


def wait_for_images(out: Path, n: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if len(finished(out)) >= n:
            return
        time.sleep(0.02)
    raise AssertionError("the run did not get going")


def finished(out: Path) -> list[Path]:
    """Return the images whose rows are in the store: those that may not be made again."""
    import sqlite3

    if not (out / "results.sqlite").exists():
        return []
    database = sqlite3.connect(f"file:{out}/results.sqlite?mode=ro", uri=True)
    try:
        found = database.execute("SELECT method, dataset, image FROM images").fetchall()
    except sqlite3.OperationalError:
        return []
    finally:
        database.close()
    return [out / "images" / method / dataset / f"{image}.png" for method, dataset, image in found]


def test_a_deleted_or_altered_result_is_made_again(
    program: Program, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    program(*arguments(photos, out, "fake"))
    before = contents(out)
    first, second = sorted((out / "images").rglob("*.png"))[:2]
    first.unlink()
    second.write_bytes(b"rubbish")
    assert program(*arguments(photos, out, "fake")).returncode == 0
    assert contents(out) == before


def test_more_methods_may_join_and_other_conditions_are_refused(
    program: Program, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    program(*arguments(photos, out, "bicubic"))
    joined = program(*arguments(photos, out, "nearest"))
    assert joined.returncode == 0
    assert {row["method"] for row in rows(out / "scores.csv")} == {"bicubic", "nearest"}
    before = contents(out)
    refused = program(*arguments(photos, out, "nearest", "--seed", "1"))
    assert refused.returncode == 6
    assert "seed" in refused.stderr
    (photos / "lr" / "a.png").write_bytes((photos / "lr" / "b.png").read_bytes())
    refused = program(*arguments(photos, out, "nearest"))
    assert refused.returncode == 6
    assert "manifest_sha256" in refused.stderr
    assert contents(out) == before


def test_two_runs_do_not_share_a_directory(
    program: Program, environment: dict[str, str], photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    first = start(environment, *arguments(photos, out, "slow"))
    wait_for_images(out, 1)
    second = program(*arguments(photos, out, "slow"))
    assert second.returncode == 6
    assert "Another run is working" in second.stderr
    _, errors = first.communicate(timeout=60)
    assert first.returncode == 0, errors


def test_batches_and_the_debugging_mode_give_the_same_bytes(
    program: Program, photos: Path, tmp_path: Path
) -> None:
    for name, more in (
        ("one", []),
        ("batch", ["--batch-size", "4"]),
        ("inline", ["--workers", "0"]),
    ):
        assert program(*arguments(photos, tmp_path / name, "fake", *more)).returncode == 0
    assert (
        contents(tmp_path / "one") == contents(tmp_path / "batch") == contents(tmp_path / "inline")
    )


def test_precomputed_results_are_scored_as_they_are(
    program: Program, photos: Path, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    program(*arguments(photos, source, "bicubic"))
    folder = next((source / "images" / "bicubic").iterdir())
    out = tmp_path / "run"
    methods = f"bicubic,precomputed:Theirs={folder}"
    assert program(*arguments(photos, out, methods)).returncode == 0
    values: dict[str, list[str]] = {}
    for row in rows(out / "scores.csv"):
        values.setdefault(row["method"], []).append(row["value"])
    assert values["bicubic"] == values["precomputed:theirs"]
    np.testing.assert_array_equal(
        read_rgb(out / "images" / "precomputed-theirs" / "folder" / "a.png")
        if (out / "images" / "precomputed-theirs" / "folder").is_dir()
        else read_rgb(next((out / "images" / "precomputed-theirs").rglob("a.png"))),
        read_rgb(folder / "a.png"),
    )


def test_the_plan_says_everything_and_does_nothing(
    program: Program, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    (photos / "lr" / "notes.txt").touch()
    planned = program(
        "run", "--plan", "--json", "--methods", "bicubic", "--out", out,
        "--datasets", f"realsr,folder:{photos}/lr::{photos}/hr",
    )  # fmt: skip
    assert planned.returncode == 0, planned.stderr
    plan = json.loads(planned.stdout)
    assert [line["images"] for line in plan["plan"]] == [N]
    assert plan["plan"][0]["gpu_bytes"] is None
    assert plan["notes"] == {"folder-lr": ["1 entry is not used in lr/: notes.txt"]}
    missing = {item["name"]: item for item in plan["missing"]}
    assert missing["realsr"]["exit_code"] == 3
    alexnet = next(item for item in plan["skipped"] if "alexnet" in item["name"])
    assert alexnet["source"].startswith("https://")
    assert alexnet["needed_by"] == "lpips@alex"
    assert not out.exists()
    for_people = program("run", "--plan", "--methods", "bicubic", "--datasets", "realsr")
    assert "datasets fetch realsr" in for_people.stdout


def test_metrics_that_nobody_named_are_computed_or_named(program: Program, tmp_path: Path) -> None:
    words = ["run", "--datasets", "sample", "--out", tmp_path / "run", "--limit", 1, "--seed", 5]
    done = program(*words, "--methods", "bicubic")
    assert done.returncode == 0, done.stderr
    assert "LPIPS" in done.stdout  # named below the table as not computed
    assert "weights fetch dists@vgg16,lpips@alex --from index" in done.stderr
    proposed = done.stderr.split("Your own results beside these: mfsr-bench ")[1].splitlines()[0]
    joined = proposed.replace("precomputed:NAME=FOLDER", f"precomputed:HR={of_card(SAMPLE).hr}")
    again = program(*shlex.split(joined))
    assert again.returncode == 0, again.stderr
    assert "HR" in again.stdout
    refused = program(*words, "--methods", "bicubic", "--missing", "error")
    assert refused.returncode == 4


def test_missing_things_are_refused_before_anything_is_computed(
    program: Program, photos: Path, tmp_path: Path
) -> None:
    folder = f"folder:{photos}/lr::{photos}/hr"
    out = tmp_path / "run"
    no_weights = program(
        "run", "--methods", "bicubic", "--datasets", folder, "--metrics", "lpips", "--out", out
    )
    assert no_weights.returncode == 4
    assert "mfsr-bench weights fetch" in no_weights.stderr
    no_data = program("run", "--methods", "bicubic", "--datasets", "realsr", "--out", out)
    assert no_data.returncode == 3
    assert not out.exists()
    skipped = program(
        "run", "--methods", "bicubic", "--datasets", folder, "--metrics", "psnr,lpips",
        "--missing", "skip", "--out", out,
    )  # fmt: skip
    assert skipped.returncode == 0
    assert "weights missing" in skipped.stdout


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--methods", "bicubc"), 2, "Did you mean 'bicubic'"),
        (("--datasets", "sampel"), 2, "Did you mean 'sample'"),
        (("--metrics", "pnsr"), 2, "Did you mean"),
        (("--protocol", "mfsr-paper"), 2, "Did you mean 'mfsr-paper-v1'"),
        (("--images", "nothing"), 2, "Unknown image"),
        (("--images", "colosseum,colloseum"), 2, "'sample' 'colloseum'. Did you mean 'colosseum'"),
        (("--batch-size", "0"), 2, "batch-size"),
        (("--methods", ""), 2, "empty"),
        (("--datasets", ""), 2, "empty"),
        (("--out", ""), 2, "--out: '' is not a path"),
        (("--out", "x" * 300), 2, "300 characters"),
        (("--out", "y/" + "x" * 300 + "/z"), 2, "300 characters"),
        (("--datasets", "folder:" + "n" * 300 + "=."), 2, "300 characters"),
        (("--methods", "mfsr-tiny@999999999999"), 2, "not a number up to 9999"),
        (("--methods", "mfsr-tiny@" + "9" * 5000), 2, "not a number up to 9999"),
        (("--device", "gpu"), 2, "Unknown device 'gpu'"),
        (("--device", "cuda:0"), 5, "no GPU 0"),
    ],
)
def test_unknown_names_get_near_ones(
    program: Program, words: tuple[str, ...], code: int, says: str
) -> None:
    answer = program("run", *words)
    assert answer.returncode == code
    assert says in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own with room for a few results."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("mounting a small disk needs rights that this process has not")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


SMALL_DISK = 190 * 1024  # bytes: enough for some of the results


def test_a_full_disk_is_said_and_nothing_finished_is_lost(
    program: Program, photos: Path, tmp_path: Path, small_disk: Path
) -> None:
    whole = tmp_path / "whole"
    assert program(*arguments(photos, whole, "fake,nearest,bicubic,lanczos")).returncode == 0
    out = small_disk / "run"
    filler = small_disk / "filler"
    filler.write_bytes(bytes(SMALL_DISK // 3))
    answer = program(*arguments(photos, out, "fake,nearest,bicubic,lanczos"))
    assert answer.returncode == 5, answer.stderr
    assert "No space left" in answer.stderr or "full" in answer.stderr
    assert "finished work is kept" in answer.stderr.replace("\n", " ")
    kept = {path: path.stat().st_mtime_ns for path in finished(out)}
    assert 0 < len(kept) < 4 * N
    filler.unlink()
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    again = program(*arguments(photos, out, "fake,nearest,bicubic,lanczos"))
    assert again.returncode == 0, again.stderr
    assert contents(out) == contents(whole)
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in kept.items())


def bad_images(folder: Path) -> dict[str, str]:
    """Write LR images of every bad kind beside a good one; return why each fails, by name."""
    good = np.random.default_rng(1).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    folder.mkdir()
    Image.fromarray(good).save(folder / "good.png")
    Image.fromarray(good).convert("L").save(folder / "grey.png")
    Image.fromarray(good).convert("P").save(folder / "palette.png")
    Image.fromarray(good[:1, :1]).save(folder / "pixel.png")
    Image.fromarray(good[:1].repeat(2500, 1)).save(folder / "wide.png")
    Image.fromarray(good[..., 0].astype(np.uint16) * 257).save(folder / "deep.png")
    Image.fromarray(good).convert("CMYK").save(folder / "cmyk.jpg")
    Image.fromarray(np.dstack([good, good[..., :1]])).save(folder / "glass.png")
    (folder / "cut.png").write_bytes((folder / "good.png").read_bytes()[:100])
    return {"deep": "not 8-bit", "cmyk": "CMYK", "glass": "transparent", "cut": "cannot be read"}


def test_every_bad_lr_image_is_named_and_the_good_ones_are_restored(
    program: Program, tmp_path: Path
) -> None:
    causes = bad_images(tmp_path / "lr")
    words = ["run", "--methods", "bicubic", "--datasets", f"folder:{tmp_path}/lr"]
    words += ["--metrics", "musiq", "--missing", "skip", "--out", tmp_path / "run"]
    answer = program(*words)
    assert answer.returncode == 3  # what headers tell is refused before anything is computed
    for path in (tmp_path / "lr" / "deep.png", tmp_path / "lr" / "cmyk.jpg"):
        assert path.name in answer.stderr
        assert causes.pop(path.stem) in answer.stderr
        path.unlink()
    answer = program(*words)
    assert answer.returncode == 1, answer.stderr
    failures = {row["image"]: row["cause"] for row in rows(tmp_path / "run" / "failures.csv")}
    assert set(failures) == set(causes)
    for name, cause in causes.items():
        assert cause in failures[name]
    restored = {row["image"] for row in rows(tmp_path / "run" / "images.csv")}
    assert restored == {"good", "grey", "palette", "pixel", "wide"}


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "gbk"])
def test_a_terminal_that_lacks_letters_shows_the_rest(
    environment: dict[str, str], photos: Path, tmp_path: Path, encoding: str
) -> None:
    """Titles and folders come in all scripts; what a program reads is exact nevertheless."""
    title = "Müller × 超解像 \N{PILE OF POO}"
    toml = tmp_path / "method.toml"
    toml.write_text(f'name = "{title}"\ncommand = ["true", "{{input}}", "{{output}}"]\n')
    words = arguments(photos, tmp_path / title, f"external:{toml}")
    told = {**environment, "PYTHONIOENCODING": encoding}
    run = subprocess.run(
        command(*words, "--workers", "0"), env=told, capture_output=True, check=False
    )
    assert run.returncode == 1, run.stderr  # it leaves no images
    assert b"?" in run.stdout
    listed = subprocess.run(
        command(*words, "--plan", "--json"), env=told, capture_output=True, check=True
    )
    assert json.loads(listed.stdout.decode(encoding))["run"] == str(tmp_path / title)
