"""The cache saves work and is never believed when it could be wrong."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from benchmarks.api import images
from benchmarks.results.cache import FILE, ScoreCache

KEY = ("aa", "bb", "psnr@y601", "1")


def make_old(path: Path) -> None:
    """Give a file time stamps that are past the racy time; only mtime can be set."""
    past = time.time_ns() - 60_000_000_000
    os.utime(path, ns=(past, past))


def test_scores_and_features_are_remembered_across_processes() -> None:
    cache = ScoreCache()
    assert cache.score(KEY) is None
    cache.add_scores([(KEY, 0.1 + 0.2), ((*KEY[:3], "2"), 5.0)])
    cache.add_features("aa", "fid@clean", "1", np.arange(4, dtype=np.float32))
    cache.add_speed("mfsr@1", "cpu", 2.5)
    cache.close()
    again = ScoreCache()
    assert again.score(KEY) == 0.1 + 0.2
    assert again.score((*KEY[:3], "2")) == 5.0
    assert again.score(("aa", "", "psnr@y601", "1")) is None
    found = again.features("aa", "fid@clean", "1")
    assert found is not None
    assert found.tolist() == [0, 1, 2, 3]
    assert again.features("aa", "fid@clean", "2") is None
    assert again.speed("mfsr@1", "cpu") == 2.5


def test_an_unchanged_file_is_read_once(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "a\nb.png"
    path.write_bytes(b"one")
    cache = ScoreCache()
    monkeypatch.setattr("benchmarks.results.cache._RACY_NS", -1)
    digest = cache.sha256(path)
    assert digest == images.sha256_file(path)
    monkeypatch.setattr(images, "sha256_file", lambda _: "read again")
    assert cache.sha256(path) == digest
    path.write_bytes(b"two")
    assert cache.sha256(path) == "read again"


def test_a_file_that_just_changed_is_not_trusted(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"one")
    make_old(path)  # the change time stays young, as it does for any file just written
    cache = ScoreCache()
    cache.sha256(path)
    monkeypatch.setattr(images, "sha256_file", lambda _: "read again")
    assert cache.sha256(path) == "read again"


def test_a_damaged_or_unwritable_cache_costs_time_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"rubbish" * 1000)
    blocked = tmp_path / "blocked"
    blocked.touch()
    for folder in (tmp_path, blocked / "sub"):
        cache = ScoreCache(folder)
        cache.add_scores([(KEY, 1.0)])
        assert cache.score(KEY) == 1.0


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE scores SET value = 'x'",
        "UPDATE scores SET value = NULL",
        "UPDATE speeds SET seconds_per_megapixel = 'x'",
        "UPDATE features SET vector = 'text'",
        "UPDATE features SET vector = x'00'",
    ],
)
def test_a_value_that_nobody_wrote_is_none(damage: str) -> None:
    cache = ScoreCache()
    cache.add_scores([(KEY, 0.5)])
    cache.add_features("aa", "fid@clean", "1", np.ones(4, np.float32))
    cache.add_speed("mfsr@1", "cpu", 2.5)
    cache.close()
    with closing(sqlite3.connect(cache.path)) as file:
        file.execute(damage)
        file.commit()
    cache = ScoreCache()
    found = (
        cache.features("aa", "fid@clean", "1"),
        cache.score(KEY),
        cache.speed("mfsr@1", "cpu"),
    )
    assert any(one is None for one in found)
    cache.add_scores([(KEY, 0.5)])
    assert cache.score(KEY) == 0.5
