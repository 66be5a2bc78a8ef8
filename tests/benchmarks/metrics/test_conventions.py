from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks import registry
from benchmarks.metrics.conventions import (
    MEASURED,
    conventions,
    explain,
    nearest,
    pooled_psnr,
)
from benchmarks.metrics.psnr import psnr
from benchmarks.metrics.tolerances import TOLERANCES


def _psnr():
    return conventions(registry.metric_specs().values(), "psnr")


def test_every_convention_says_who_uses_it() -> None:
    names = {spec.name for spec in registry.metric_specs().values()}
    for name in names:
        found = conventions(registry.metric_specs().values(), name)
        assert found
        assert all(one.used_by and one.definition for one in found)


def test_pooled_psnr_comes_after_what_it_is_derived_from() -> None:
    ids = [one.id for one in _psnr()]
    assert ids.index("psnr@y601-pooled") == ids.index("psnr@y601") + 1
    assert set(MEASURED) <= set(registry.metric_specs()) | set(ids)


def test_pooled_psnr_is_torchmetrics_class(make_image, degrade) -> None:
    import torch
    from torchmetrics.image import PeakSignalNoiseRatio

    hr = [make_image(64, 64, seed) for seed in (1, 2)] + [make_image(40, 96, 3)]
    sr = [degrade(image, seed) for seed, image in enumerate(hr)]
    sr[1] = hr[1].copy()
    metric = PeakSignalNoiseRatio(data_range=255.0)
    for ours, theirs in zip(sr, hr, strict=True):
        metric.update(*(torch.from_numpy(image.astype(np.float64)) for image in (ours, theirs)))
    values = [psnr(a, b, "rgb") for a, b in zip(sr, hr, strict=True)]
    pixels = [image.shape[0] * image.shape[1] for image in hr]
    assert pooled_psnr(values, pixels) == pytest.approx(metric.compute().item(), abs=1e-4)
    assert pooled_psnr([30.0, 30.0]) == pytest.approx(30.0)


def test_nearest_names_the_convention_of_an_expected_number() -> None:
    values = {"psnr@y601": 28.0174, "psnr@yiq": 26.6955, "psnr@rgb": 25.94}
    first, second, third = nearest(_psnr(), values, 26.70)
    assert first.convention.id == "psnr@yiq"
    assert first.gap == pytest.approx(26.6955 - 26.70)
    assert abs(second.gap) <= abs(third.gap)


def test_the_thread_about_seesr_is_explained_by_the_luma_range() -> None:
    # cswry/SeeSR issue 60: 26.8475 / .7413 where the paper has 28.17 / .7691.
    best = explain("psnr", 26.8475, 28.17)[0]
    assert (best.ours, best.expected) == ("psnr@yiq", "psnr@y601")
    assert best.typical == pytest.approx((20 * math.log10(255 / 219),) * 2, abs=2e-4)
    best = explain("ssim", 0.7413, 0.7691)[0]
    assert (best.ours, best.expected) == ("ssim@yiq", "ssim@y601")


def test_maniqa_weights_are_told_apart() -> None:
    (found,) = explain("maniqa", 0.5050, 0.6198)
    assert (found.ours, found.expected) == ("maniqa@koniq", "maniqa@pipal")


def test_a_gap_that_no_convention_makes_is_left_unexplained() -> None:
    # cswry/OSEDiff issue 34 has another crop, which is no convention of the metric.
    assert explain("psnr", 20.0, 28.0) == ()
    assert explain("psnr", 28.0, 28.0) == ()
    assert explain("dists", 0.1, 0.2) == ()


def test_tolerances_are_of_registered_metrics() -> None:
    assert set(TOLERANCES) <= set(registry.metric_specs())
    for tolerance in TOLERANCES.values():
        assert 0 < tolerance.mean <= (tolerance.image or math.inf)
