"""A run as one file: what was packed can be checked by others, byte by byte."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
from mutation import mutants, replaced
from program import Program, in_this_process

from benchmarks.api.errors import DataError
from benchmarks.results.bundle import check, pack, read_bundle
from benchmarks.results.read import read_run

OLD = Path(__file__).parents[2] / "old_runs" / "finished"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return shutil.copytree(OLD, tmp_path / "finished")


def changed(path: Path, name: str, content: bytes) -> Path:
    """Return a copy of a bundle in which one file is another."""
    with zipfile.ZipFile(path) as before, zipfile.ZipFile(out := path.with_name("x.zip"), "w") as z:
        for info in before.infolist():
            z.writestr(info.filename, content if info.filename == name else before.read(info))
    return out


@pytest.mark.parametrize("images", [False, True])
def test_a_bundle_holds_the_run_and_the_same_bytes_each_time(
    run: Path, tmp_path: Path, images: bool
) -> None:
    pack(run, tmp_path / "a.zip", images=images)
    pack(run, tmp_path / "b.zip", images=images)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert check(tmp_path / "a.zip") == ()
    found, known = read_bundle(tmp_path / "a.zip"), read_run(run)
    assert (found.run, found.scores, found.set_scores) == (
        known.run,
        known.scores,
        known.set_scores,
    )
    names = zipfile.ZipFile(tmp_path / "a.zip").namelist()
    assert any(name.endswith(".png") for name in names) == images


def test_what_was_changed_is_named(run: Path, tmp_path: Path) -> None:
    pack(run, tmp_path / "a.zip", images=True)
    scores = zipfile.ZipFile(tmp_path / "a.zip").read("scores.csv")
    better = changed(tmp_path / "a.zip", "scores.csv", scores.replace(b",18.", b",28."))
    assert check(better) == ("scores.csv is not the file of the manifest",)
    name = next(n for n in zipfile.ZipFile(tmp_path / "a.zip").namelist() if n.endswith(".png"))
    image = changed(tmp_path / "a.zip", name, b"another")
    assert f"{name} is not the image that was scored" in check(image)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no zip at all"])
def test_what_is_no_bundle_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DataError, match="is not a packed run"):
        check(tmp_path / "a.zip")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("identity", "protocol", "hash"), None),
        (("identity", "protocol", "metrics", "psnr@rgb", "decimals"), -1),
        (("identity", "methods", "bicubic", "title"), 1.5),
        (("identity", "datasets"), {"../x": {}}),
        (("skipped_metrics",), ["x"]),
    ],
)
def test_a_bundle_of_an_odd_run_is_refused(
    run: Path, tmp_path: Path, path: Any, value: Any
) -> None:
    pack(run, tmp_path / "a.zip")
    plain = replaced(json.loads((run / "run.json").read_text()), path, value)
    odd = changed(tmp_path / "a.zip", "run.json", json.dumps(plain).encode())
    with pytest.raises(DataError, match="x.zip, run.json"):
        read_bundle(odd)


def test_a_bundle_whose_rows_lead_elsewhere_is_refused(run: Path, tmp_path: Path) -> None:
    pack(run, tmp_path / "a.zip")
    images = zipfile.ZipFile(tmp_path / "a.zip").read("images.csv")
    odd = changed(tmp_path / "a.zip", "images.csv", images.replace(b"bicubic", b"..", 1))
    with pytest.raises(DataError, match="under names that no run gives"):
        read_bundle(odd)


def test_a_damaged_bundle_is_one_error(run: Path, tmp_path: Path) -> None:
    pack(run, tmp_path / "a.zip")
    whole = (tmp_path / "a.zip").read_bytes()
    deep = changed(tmp_path / "a.zip", "manifest.json", b"[" * 100_000)
    with pytest.raises(DataError, match="names no files"):
        check(deep)
    refused = 0
    for mutant in mutants(whole, 0, 300):
        (tmp_path / "b.zip").write_bytes(mutant)
        try:
            check(tmp_path / "b.zip")
        except DataError:
            refused += 1
    assert refused > 30


def test_a_folder_of_bundles_is_a_page(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program: Program = in_this_process(monkeypatch, capsys)
    folder = tmp_path / "bundles"
    folder.mkdir()
    packed = program("pack", "run", run, "--out", folder / "<b>.zip")
    assert packed.returncode == 0, packed.stderr
    (folder / "broken.zip").write_bytes(b"x")
    made = program("report", "board", folder)
    assert made.returncode == 0, made.stderr
    page = (folder / "index.html").read_text("utf-8")
    assert "<td>Bicubic</td><td>&lt;b&gt;</td>" in page
    assert "18.23" in page and "Left out: broken.zip" in page
    assert "1 packed runs" in page
    empty = program("report", "board", tmp_path / "finished")
    assert empty.returncode == 3 and "No packed runs" in empty.stderr
    damaged = program("pack", "check", folder / "broken.zip")
    assert damaged.returncode == 3
