"""Scores of a folder: by image name, each a value or a failure."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from benchmarks import registry
from benchmarks.api.images import write_png
from benchmarks.api.metric import MetricRuntime, MetricSpec, SampleMetric, SetMetric
from benchmarks.engine.events import Advanced, ItemFailed, StageBegan
from benchmarks.engine.run import score
from benchmarks.request import ScoreRequest, ask
from benchmarks.results.cache import ScoreCache
from benchmarks.results.rows import FailureRow, ScoreRow, SetScoreRow
from benchmarks.results.store import RunStore
from benchmarks.settle import settle_score, settled


class Difference(SampleMetric):
    """Mean SR minus mean HR."""

    def score(self, srs: Sequence[Any], reference: Any) -> list[float]:
        return [float(sr.mean() - reference.mean()) for sr in srs]


class Count(SetMetric):
    """Sum of the SR means minus that of the HR means, times n."""

    def features(self, images: Sequence[Any]) -> Any:
        return np.array([[image.mean()] for image in images], dtype=np.float32)

    def distance(self, sr: Any, hr: Any) -> float:
        assert sr.shape == hr.shape == (2, 1)
        return float(sr.sum() - hr.sum()) * len(sr)


@pytest.fixture(autouse=True)
def _metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("fake_metrics")
    made = {"load_difference": Difference, "load_count": Count}
    for name, kind in made.items():
        setattr(module, name, lambda runtime, kind=kind: _built(runtime, kind))
    monkeypatch.setitem(sys.modules, "fake_metrics", module)
    specs = {}
    for key, loader, level in (
        ("difference@x", "load_difference", "sample"),
        ("count@x", "load_count", "set"),
    ):
        specs[key] = MetricSpec(
            id=key,
            title=key,
            higher_is_better=True,
            needs_reference=True,
            definition="",
            loader=f"fake_metrics:{loader}",
            level=level,  # type: ignore[arg-type]  # the tuple above has plain strings
        )
    monkeypatch.setattr(registry, "metric_specs", lambda: specs)


def _built(runtime: MetricRuntime, kind: type) -> Any:
    assert runtime.spec.id
    return kind()


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """SR and HR images of two grey levels each."""
    for name, sr, hr in (("a", 10, 4), ("b", 20, 7)):
        for side, value in (("sr", sr), ("hr", hr)):
            write_png(tmp_path / side / f"{name}.png", np.full((8, 8, 3), value, np.uint8))
    return tmp_path / "sr", tmp_path / "hr"


def scored(folders: tuple[Path, Path], metrics: str, *, workers: int = 0) -> RunStore:
    sr, hr = folders
    asked = {"sr": sr, "hr": hr, "metrics": metrics, "workers": workers, "device": "cpu"}
    cache, store = ScoreCache(), RunStore(None)
    plan = settled(lambda: settle_score(ask(ScoreRequest, asked), cache))
    events = list(score(plan, store, cache))
    began = sum(one.total for one in events if isinstance(one, StageBegan))
    done = sum(one.units for one in events if isinstance(one, Advanced))
    assert done + sum(isinstance(one, ItemFailed) for one in events) >= began
    return store


def test_samples_by_image_and_sets_by_value(folders: tuple[Path, Path]) -> None:
    store = scored(folders, "difference@x,count@x")
    assert {row.image: row.value for row in store.rows(ScoreRow)} == {"a": 6.0, "b": 13.0}
    (row,) = store.rows(SetScoreRow)
    assert (row.metric, row.n, row.value) == ("count@x", 2, (30.0 - 11.0) * 2)


def test_an_image_without_a_score_is_a_failure_that_names_it(folders: tuple[Path, Path]) -> None:
    sr, _ = folders
    write_png(sr / "b.png", np.zeros((4, 8, 3), np.uint8))
    store = scored(folders, "difference@x")
    (failure,) = store.rows(FailureRow)
    assert (failure.image, failure.cause) == ("b", "SR is 8 x 4 where HR is 8 x 8.")
    assert [row.image for row in store.rows(ScoreRow)] == ["a"]


def test_a_set_without_any_shared_image_is_a_failure(folders: tuple[Path, Path]) -> None:
    sr, _ = folders
    for name in ("a", "b"):
        (sr / f"{name}.png").write_bytes(b"not an image")
    failures = list(scored(folders, "count@x").rows(FailureRow))
    assert [row.image for row in failures] == ["", "a", "b"]
    assert "no image has a result" in failures[0].cause
