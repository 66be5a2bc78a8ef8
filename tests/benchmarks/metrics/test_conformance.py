"""Scores of OSEDiff's published images against its published per-image log."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.api.images import read_rgb
from benchmarks.metrics.niqe import Niqe, shipped_model
from benchmarks.metrics.psnr import Psnr
from benchmarks.metrics.ssim import Ssim

if TYPE_CHECKING:
    from benchmarks.api.metric import SampleMetric


def _differences(data: Path, name: str, column: str, metric: SampleMetric) -> Iterator[float]:
    with (data / f"osediff_{name}_published.csv").open(newline="") as handle:
        published = {row["image"]: float(row[column]) for row in csv.DictReader(handle)}
    for path in sorted((data / f"{name}-mini" / "osediff").glob("*.png")):
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
