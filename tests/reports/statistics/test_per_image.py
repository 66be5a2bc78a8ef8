"""A comparison as values per image; FID from features in the cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.metrics.frechet import frechet_distance
from benchmarks.results.cache import ScoreCache
from benchmarks.results.rows import RunResults
from reports.comparison import compare
from reports.pictures import Picture
from reports.statistics.model import PerImages
from reports.statistics.per_image import all_per_image, sets_per_image

PSNR, FID, VERSION = "psnr@y601", "fid@clean", "v1 net=1"
N = 12
MakeRun = Callable[..., RunResults]


@pytest.fixture
def cache(tmp_path: Path) -> ScoreCache:
    return ScoreCache(tmp_path / "cache")


@pytest.fixture
def pictures(tmp_path: Path, cache: ScoreCache) -> list[Picture]:
    """Images of two methods whose features are cached; their bytes stand for themselves."""
    generator = np.random.default_rng(1)
    found = []
    for i in range(N):
        feature = generator.gamma(2.0, size=20)
        files = {}
        for noise, name in enumerate(("hr", "bicubic", "mfsr@1")):
            path = files[name] = tmp_path / f"{name}-{i}.png"
            path.write_text(f"{name} {i}")
            vector = (feature + noise * generator.standard_normal(20)).astype(np.float32)
            cache.add_features(cache.sha256(path), FID, VERSION, vector)
        hr = files.pop("hr")
        found.append(
            Picture(
                dataset="realsr", image=f"i{i}", width=8, height=8, results=files, lr=None, hr=hr
            )
        )
    return found


def features(cache: ScoreCache, paths: list[Path]) -> np.ndarray:
    found = [cache.features(cache.sha256(path), FID, VERSION) for path in paths]
    return np.stack([vector for vector in found if vector is not None])


def measured(cache: ScoreCache, pictures: list[Picture]) -> dict[str, float]:
    references = features(cache, [one.hr for one in pictures if one.hr])
    return {
        method: frechet_distance(
            features(cache, [one.results[method] for one in pictures]), references
        )
        for method in ("bicubic", "mfsr@1")
    }


def sets(
    make_run: MakeRun, cache: ScoreCache, pictures: list[Picture], values: dict[str, float], n: int
) -> PerImages:
    metrics = {FID: {"title": "FID", "higher_is_better": False, "decimals": 2, "level": "set",
                     "version": VERSION}}  # fmt: skip
    run = make_run(
        {}, {("realsr", key, FID): (n, value) for key, value in values.items()}, metrics=metrics
    )
    return sets_per_image(compare([run]), {"realsr": pictures}, cache)


def test_sample_metrics_stand_on_the_images_that_all_methods_have(make_run: MakeRun) -> None:
    run = make_run(
        {
            ("realsr", "bicubic", PSNR): [20.0, 21.0, float("nan")],
            ("realsr", "mfsr@1", PSNR): [22.0, float("nan"), 24.0],
        }
    )
    (one,) = all_per_image(compare([run]), [run]).columns
    assert (one.methods, one.images) == (("bicubic", "mfsr@1"), ("i0",))
    assert one.values.tolist() == [[20.0, 22.0]]
    assert one.differences().tolist() == [[-2.0]]


def test_the_means_of_fid_per_image_are_fid(
    make_run: MakeRun, cache: ScoreCache, pictures: list[Picture]
) -> None:
    values = measured(cache, pictures)
    (one,) = sets(make_run, cache, pictures, values, N).columns
    assert one.n == N
    np.testing.assert_allclose(one.values.mean(axis=0), list(values.values()))
    assert (one.values.std(axis=0) > 0).all()


def test_what_the_features_do_not_give_is_refused_with_its_reason(
    make_run: MakeRun, cache: ScoreCache, pictures: list[Picture]
) -> None:
    values = measured(cache, pictures)

    def why(*arguments: object) -> str:
        found = sets(make_run, cache, *arguments)  # type: ignore[arg-type]
        assert not found.columns
        return found.lacking["realsr", FID]

    assert why(pictures, {**values, "bicubic": 1.0}, N) == (
        "the features in the cache give other values"
    )
    pictures[0].results["bicubic"].write_text("another image")
    assert why(pictures, values, N) == (
        f"it stands on {N} images, and this machine's cache has features of {N - 1}"
    )
    pictures[1].results["bicubic"].unlink()
    assert why(pictures, values, N).endswith(f"features of {N - 2}")
    assert why([], values, N).endswith("features of 0")
