"""Rows are written once, survive kill -9, and come back sorted and equal."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.api.errors import ConflictError, DataError, ResourceError
from benchmarks.results import sqlite
from benchmarks.results.directory import RunDirectory
from benchmarks.results.export import export
from benchmarks.results.read import read_run
from benchmarks.results.rows import FailureRow, ImageRow, ScoreRow, SetScoreRow, TimingRow
from benchmarks.results.store import FILE, RunStore

KEY = {"dataset": "d", "method": "m@1"}
HOSTILE = 'a "b",<script>\u2028é'

METRICS: dict[str, Any] = {name: {} for name in ("psnr@y601", "niqe@pyiqa", "fid@clean")}
IDENTITY = {"protocol": {"id": "p", "metrics": METRICS}, "methods": {}, "datasets": {}, "seed": 0}


def rows() -> list[object]:
    found: list[object] = []
    for image in ("b", HOSTILE, "a"):
        found += [
            ImageRow(**KEY, image=image, sha256="00", width=4, height=8, seed=2**63 - 1),
            ScoreRow(**KEY, image=image, metric="psnr@y601", value=0.1 + 0.2),
            ScoreRow(**KEY, image=image, metric="niqe@pyiqa", value=1e-300),
            TimingRow(**KEY, image=image, seconds=0.5, stages={"vae": 0.25}),
        ]
    found.append(SetScoreRow(**KEY, metric="fid@clean", n=3, value=100.0))
    found.append(
        FailureRow(**KEY, image="c", stage="restore", metric="", error="OutputError", cause="NaN")
    )
    return found


def test_rows_come_back_equal_sorted_and_once(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    store.write(rows())
    store.write(reversed(rows()))
    assert [r.image for r in store.rows(ImageRow)] == sorted(["b", HOSTILE, "a"])
    for kind in (ImageRow, ScoreRow, SetScoreRow, FailureRow, TimingRow):
        expected = {repr(r) for r in rows() if isinstance(r, kind)}
        found = [repr(r) for r in store.rows(kind)]
        assert set(found) == expected
        assert len(found) == len(expected)
    assert [r.metric for r in store.rows(ScoreRow, image="a")] == ["niqe@pyiqa", "psnr@y601"]


def test_a_metric_is_forgotten_with_its_failures(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    failure = FailureRow(**KEY, image="a", stage="score", metric="niqe@pyiqa", error="E", cause="c")
    store.write([*rows(), failure])
    assert store.forget("niqe@pyiqa")
    assert not store.forget("niqe@pyiqa")
    assert {row.metric for row in store.rows(ScoreRow)} == {"psnr@y601"}
    assert [row.stage for row in store.rows(FailureRow)] == ["restore"]


def test_success_takes_back_the_failure_and_a_new_image_the_old_scores(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    image = ImageRow(**KEY, image="a", sha256="00", width=4, height=8, seed=1)
    score = ScoreRow(**KEY, image="a", metric="x@y", value=1.0)
    failed = {**KEY, "image": "a", "error": "E", "cause": "c"}
    restore = FailureRow(**failed, stage="restore", metric="")
    scoring = FailureRow(**failed, stage="score", metric="x@y")
    store.write([restore, scoring])
    store.write([image])
    assert list(store.rows(FailureRow)) == [scoring]
    store.write([score])
    assert list(store.rows(FailureRow)) == []
    store.write([image])
    assert list(store.rows(ScoreRow)) == [score]
    store.write([replace(image, sha256="11")])
    assert list(store.rows(ScoreRow)) == []


def test_another_file_of_the_same_pixels_keeps_its_scores(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    image = ImageRow(**KEY, image="a", sha256="00", width=4, height=8, seed=1, sha256_pixels="aa")
    score = ScoreRow(**KEY, image="a", metric="x@y", value=1.0)
    store.write([image, score])
    store.write([replace(image, sha256="11")])
    assert list(store.rows(ScoreRow)) == [score]
    store.write([replace(image, sha256="22", sha256_pixels="bb")])
    assert list(store.rows(ScoreRow)) == []


def test_a_file_of_format_1_is_read_as_it_is_and_brought_up_when_written_to(
    tmp_path: Path,
) -> None:
    old = Path(__file__).parents[2] / "old_runs" / "finished" / FILE
    shutil.copyfile(old, tmp_path / FILE)
    before = RunStore(tmp_path, read_only=True)
    images = list(before.rows(ImageRow))
    before.close()
    assert len(images) == 4 and {row.sha256_pixels for row in images} == {""}
    assert (tmp_path / FILE).read_bytes() == old.read_bytes()
    store = RunStore(tmp_path)
    assert list(store.rows(ImageRow)) == images
    known = replace(images[0], sha256_pixels="aa")
    store.write([known])
    store.close()
    after = RunStore(tmp_path, read_only=True)
    assert list(after.rows(ImageRow)) == [known, *images[1:]]
    after.close()


def test_exports_do_not_depend_on_the_order_of_work(tmp_path: Path) -> None:
    for name, order in (("one", rows()), ("two", rows()[::-1])):
        (tmp_path / name).mkdir()
        store = RunStore(tmp_path / name)
        store.write(order)
        export(store, tmp_path / name)
    for file in ("images", "scores", "set_scores", "failures", "timings"):
        one, two = ((tmp_path / name / f"{file}.csv").read_bytes() for name in ("one", "two"))
        assert one == two
    with (tmp_path / "one" / "scores.csv").open(encoding="utf-8", newline="") as handle:
        scores = list(csv.DictReader(handle))
    assert list(scores[0]) == ["dataset", "method", "image", "metric", "value"]
    assert {row["image"] for row in scores} == {"a", "b", HOSTILE}
    assert {float(row["value"]) for row in scores} == {0.1 + 0.2, 1e-300}


def committed(path: Path) -> int:
    """Return the number of scores that another process sees."""
    store = RunStore(path, read_only=True)
    try:
        return sum(1 for _ in store.rows(ScoreRow))
    finally:
        store.close()


def test_rows_in_quick_succession_share_a_commit_and_slow_ones_do_not_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("benchmarks.results.store.time.monotonic", lambda: now)
    store = RunStore(tmp_path)
    for i, (at, visible) in enumerate([(100.0, 1), (100.4, 1), (100.9, 1), (101.1, 4), (190, 5)]):
        now = at
        store.write([ScoreRow(**KEY, image=f"{i}", metric="a@b", value=1.0)])
        assert committed(tmp_path) == visible
        assert sum(1 for _ in store.rows(ScoreRow)) == i + 1, "the writer sees all of them"
    store.write([ScoreRow(**KEY, image="last", metric="a@b", value=1.0)])
    store.close()
    assert committed(tmp_path) == 6


def test_a_killed_writer_loses_whole_rows_of_its_last_second_alone(tmp_path: Path) -> None:
    code = f"""
        import time
        from pathlib import Path
        from benchmarks.results.rows import ScoreRow
        from benchmarks.results.store import RunStore
        store = RunStore(Path({str(tmp_path)!r}))
        begun = time.monotonic()
        for i in range(1_000_000):
            store.write([ScoreRow(dataset="d", method="m", image=f"{{i:06}}", metric=k, value=i)
                         for k in ("a@b", "c@d")])
            if time.monotonic() - begun > 1.5:
                print(i, flush=True)
    """
    writer = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    writer.stdout.readline()
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    store = RunStore(tmp_path)
    found = [row.image for row in store.rows(ScoreRow)]
    store.close()
    images = sorted(set(found))
    assert images and images == [f"{i:06}" for i in range(len(images))]
    assert len(found) == 2 * len(images)  # what was written together is there whole


def test_reading_changes_nothing_and_names_what_is_damaged(tmp_path: Path) -> None:
    RunDirectory(tmp_path).begin(IDENTITY)
    store = RunStore(tmp_path)
    store.write(rows())
    store.close()
    before = (tmp_path / FILE).read_bytes()
    read_run(tmp_path)
    assert (tmp_path / FILE).read_bytes() == before
    for damage in (
        "UPDATE scores SET value = 'many'",
        "UPDATE timings SET stages = '[1]'",
        "UPDATE timings SET stages = '{'",
        "DROP TABLE failures",
    ):
        (tmp_path / FILE).write_bytes(before)
        database = sqlite3.connect(tmp_path / FILE)
        database.execute(damage)
        database.commit()
        database.close()
        with pytest.raises(DataError, match="results.sqlite cannot be read"):
            read_run(tmp_path)
    for content in (b"", b"SQLite format 3\0" + bytes(200), before[:6000], b"text" * 5000):
        (tmp_path / FILE).write_bytes(content)
        with pytest.raises((DataError, ConflictError), match="results.sqlite"):
            read_run(tmp_path)
        assert (tmp_path / FILE).read_bytes() == content


def test_damage_to_any_page_is_one_error(tmp_path: Path) -> None:
    RunDirectory(tmp_path).begin(IDENTITY)
    store = RunStore(tmp_path)
    store.write(rows())
    store.close()
    before = (tmp_path / FILE).read_bytes()
    contents = [before.replace(b"TABLE scores", b"T\xaaBLE scores")]
    for page in range(4096, len(before), 4096):
        contents.append(before[:page] + b"\xfd" * 4096 + before[page + 4096 :])
    refused = 0
    for content in contents:
        (tmp_path / FILE).write_bytes(content)
        with pytest.raises((DataError, ConflictError), match="results.sqlite"):
            read_run(tmp_path)
        with suppress(ConflictError):
            store = RunStore(tmp_path)
            try:
                store.methods()
            except ConflictError:
                refused += 1
            store.close()
    assert refused


def test_foreign_files_are_conflicts(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("this is not a database, but it is long enough to be one" * 100)
    with pytest.raises(ConflictError, match="not a database"):
        RunStore(tmp_path)
    (tmp_path / FILE).unlink()
    database = sqlite3.connect(tmp_path / FILE)
    database.execute("PRAGMA user_version = 999")
    database.close()
    with pytest.raises(ConflictError, match="format 999"):
        RunStore(tmp_path)


def test_a_full_disk_is_a_resource_error_and_the_rows_before_stay(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    store.write(rows())
    store._db.execute("PRAGMA max_page_count = 1")
    big = [ScoreRow(**KEY, image=f"{i}" * 50, metric="x@y", value=1.0) for i in range(5000)]
    with pytest.raises(ResourceError, match="full"):
        store.write(big)
    assert len(list(store.rows(ScoreRow))) == 6


def test_an_error_inside_a_transaction_undoes_it(tmp_path: Path) -> None:
    store = RunStore(tmp_path)

    def failing() -> object:
        yield rows()[0]
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        store.write(failing())
    assert list(store.rows(ImageRow)) == []
    store.write(rows())


def test_reading_a_run(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no run in"):
        read_run(tmp_path)
    RunDirectory(tmp_path).begin(IDENTITY, tool={"version": "1"})
    store = RunStore(tmp_path)
    store.write(rows())
    store.close()
    results = read_run(tmp_path)
    assert results.run["identity"] == IDENTITY
    assert len(results.scores) == 6
    assert results.set_scores[0].n == 3


def test_connecting_where_nothing_can_be_written_is_a_resource_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ResourceError):
        sqlite.connect(tmp_path / "file" / "x.sqlite", "", version=1)


def test_files_that_are_newer_than_the_rows_are_not_written_again(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    store.write(rows())
    export(store, tmp_path)
    file = tmp_path / "scores.csv"
    (first,) = {file.stat().st_ino}
    export(store, tmp_path)
    assert file.stat().st_ino == first
    store.write([ScoreRow(**KEY, image="a", metric="new@x", value=1.0)])
    export(store, tmp_path)
    assert "new@x" in file.read_text(encoding="utf-8")
    (tmp_path / "timings.csv").unlink()
    export(store, tmp_path)
    assert (tmp_path / "timings.csv").is_file()
