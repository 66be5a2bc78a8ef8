"""Our scores of a folder: by image name, all or an error."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from benchmarks import registry
from benchmarks.api.errors import ScoreError
from benchmarks.api.images import write_png
from benchmarks.api.metric import MetricRuntime, MetricSpec, SampleMetric, SetMetric
from benchmarks.conformance.scoring import score_pairs
from benchmarks.pairing import Pair


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
def pairs(tmp_path: Path) -> list[Pair]:
    found = []
    for name, sr, hr in (("a", 10, 4), ("b", 20, 7)):
        paths = [tmp_path / f"{name}-sr.png", tmp_path / f"{name}-hr.png"]
        for path, value in zip(paths, (sr, hr), strict=True):
            write_png(path, np.full((8, 8, 3), value, np.uint8))
        found.append(Pair(image=name, sr=paths[0], hr=paths[1]))
    return found


def test_samples_by_image_and_sets_by_value(pairs: list[Pair]) -> None:
    found = score_pairs(pairs, ["difference@x", "count@x"])
    assert found.samples == {"difference@x": {"a": 6.0, "b": 13.0}}
    assert found.sets == {"count@x": (30.0 - 11.0) * 2}


def test_an_image_without_a_score_is_an_error_that_names_it(pairs: list[Pair]) -> None:
    write_png(pairs[1].sr, np.zeros((4, 8, 3), np.uint8))
    with pytest.raises(ScoreError, match="No difference@x of 'b': SR is 8 x 4 where HR is 8 x 8"):
        score_pairs(pairs, ["difference@x"])
    pairs[0].sr.write_bytes(b"not an image")
    with pytest.raises(ScoreError, match="No count@x of 'a'"):
        score_pairs(pairs, ["count@x"])
