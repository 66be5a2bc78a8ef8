"""`--shard` and `merge`: parts of a run are one run, or are refused."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from program import Program

from benchmarks import registry
from benchmarks.api.metric import MetricSpec, SetMetric

RESULTS = ("images.csv", "scores.csv", "set_scores.csv", "failures.csv")


class Spread(SetMetric):
    """Mean difference of SR and HR, and the number of images."""

    def features(self, images: Sequence[Any]) -> Any:
        return np.array([[image.mean()] for image in images], dtype=np.float32)

    def distance(self, sr: Any, hr: Any) -> float:
        return float(np.abs(sr - hr).mean()) + 1000 * len(sr)


@pytest.fixture(autouse=True)
def _set_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("fake_set_metric")
    module.load = lambda runtime: Spread()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "fake_set_metric", module)
    spread = MetricSpec(
        id="spread@x",
        title="Spread",
        higher_is_better=False,
        needs_reference=True,
        definition="",
        loader="fake_set_metric:load",
        level="set",
    )
    specs = {**registry.metric_specs(), spread.id: spread}
    monkeypatch.setattr(registry, "metric_specs", lambda: specs)


def run(program: Program, photos: Path, out: Path, *more: str) -> int:
    return program(
        "run", "--methods", "bicubic,raises", "--datasets", f"folder:p={photos}/lr::{photos}/hr",
        "--metrics", "psnr@rgb,spread@x", "--out", out, *more,
    ).returncode  # fmt: skip


def parts(program: Program, photos: Path, folder: Path, n: int = 3) -> list[Path]:
    made = []
    for k in range(1, n + 1):
        made.append(folder / f"s{k}")
        run(program, photos, made[-1], "--shard", f"{k}/{n}")
    return made


def contents(folder: Path) -> dict[str, bytes]:
    files = [folder / name for name in RESULTS] + sorted((folder / "images").rglob("*.png"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_merged_parts_are_the_whole_run(program: Program, photos: Path, tmp_path: Path) -> None:
    assert run(program, photos, tmp_path / "whole") == 1
    made = parts(program, photos, tmp_path)
    counts = [len((part / "images.csv").read_text().splitlines()) - 1 for part in made]
    assert sorted(counts) == [3, 4, 4]
    assert not any(len((part / "set_scores.csv").read_text().splitlines()) > 1 for part in made)
    done = program("merge", tmp_path / "out", *made, "--json")
    assert done.returncode == 1, done.stderr  # the recorded failure of one image
    assert json.loads(done.stdout)["failures"] == 1
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    one = next((tmp_path / "out" / "images").rglob("*.png"))
    assert one.stat().st_nlink == 2
    # The merged run is a run: it goes on, with nothing to do but what failed.
    again = program(
        "run", "--methods", "bicubic", "--datasets", f"folder:p={photos}/lr::{photos}/hr",
        "--metrics", "psnr@rgb,spread@x", "--out", tmp_path / "out",
    )  # fmt: skip
    assert not any(line.startswith("restore") for line in again.stderr.splitlines())


def test_a_part_that_is_not_there_is_named(program: Program, photos: Path, tmp_path: Path) -> None:
    made = parts(program, photos, tmp_path)
    done = program("merge", tmp_path / "out", made[0], made[2])
    assert done.returncode == 1
    assert "Not among the parts: 2/3." in done.stderr


def test_overlapping_parts_are_refused(program: Program, photos: Path, tmp_path: Path) -> None:
    made = parts(program, photos, tmp_path, n=2)
    run(program, photos, tmp_path / "again", "--shard", "2/3")
    done = program("merge", tmp_path / "out", *made, tmp_path / "again")
    assert done.returncode == 6
    assert "both hold" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_merge_that_broke_off_is_repeated(
    program: Program, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = parts(program, photos, tmp_path)
    program("merge", tmp_path / "whole", *made)
    with monkeypatch.context() as patch:
        patch.setattr("benchmarks.results.merge._datasets", lambda _: sys.exit(9))
        assert program("merge", tmp_path / "out", *made).returncode == 9
    assert not (tmp_path / "out" / "run.json").exists()
    for _ in range(2):
        done = program("merge", tmp_path / "out", *made[:2])
        assert done.returncode == 6
        assert "holds a run already" in done.stderr
        assert program("merge", tmp_path / "out", *made).returncode == 1
        assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    run(program, photos, tmp_path / "out")  # from now on it is a run of its own
    assert program("merge", tmp_path / "out", *made).returncode == 6


def _commit(path: Path) -> None:
    facts = json.loads((path / "run.json").read_text())
    facts["tool"]["commit"] = "0" * 40
    (path / "run.json").write_text(json.dumps(facts))


def _package(path: Path) -> None:
    file = path / "sessions.jsonl"
    file.write_text(file.read_text().replace('"numpy": "', '"numpy": "9.'))


def _seed(path: Path) -> None:
    facts = json.loads((path / "run.json").read_text())
    facts["identity"]["seed"] = 5
    (path / "run.json").write_text(json.dumps(facts))


def _method(path: Path) -> None:
    facts = json.loads((path / "run.json").read_text())
    facts["identity"]["methods"].pop("raises")
    (path / "run.json").write_text(json.dumps(facts))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_commit, "different program"),
        (_package, "different packages: numpy"),
        (_seed, "made under other conditions (seed)"),
        (_method, "different methods: raises; nothing"),
    ],
)
def test_foreign_parts_are_refused(
    program: Program, photos: Path, tmp_path: Path, spoil: Any, said: str
) -> None:
    made = parts(program, photos, tmp_path, n=2)
    spoil(made[1])
    done = program("merge", tmp_path / "out", *made)
    assert done.returncode == 6
    assert said in done.stderr.replace("\n", " ")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("shard", "code"), [("0/3", 2), ("4/3", 2), ("3", 2), ("9/9", 2)])
def test_a_part_that_cannot_be(
    program: Program, photos: Path, tmp_path: Path, shard: str, code: int
) -> None:
    assert run(program, photos, tmp_path / "out", "--shard", shard) == code


def test_an_image_stays_in_its_part(program: Program, photos: Path, tmp_path: Path) -> None:
    run(program, photos, tmp_path / "all", "--shard", "2/3")
    run(program, photos, tmp_path / "first", "--shard", "2/3", "--limit", "4")
    whole, limited = (
        {line.split(",")[2] for line in (tmp_path / name / "images.csv").read_text().splitlines()}
        for name in ("all", "first")
    )
    assert limited <= whole
