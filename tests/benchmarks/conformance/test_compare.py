"""Ours against theirs: largest difference, tolerances, subsets."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks import registry
from benchmarks.api.errors import DataError, ScoreError, UsageError
from benchmarks.api.metric import MetricSpec
from benchmarks.conformance.compare import Conformance, Verdict
from benchmarks.conformance.compare import compare as judge
from benchmarks.conformance.parse import PublishedScores
from benchmarks.request import VerifyRequest, ask
from benchmarks.results.cache import ScoreCache
from benchmarks.results.rows import FailureRow, ScoreRow, SetScoreRow
from benchmarks.results.store import RunStore
from benchmarks.settle import settle_verify, settled

PSNR, NIQE, FID = "psnr@y601", "niqe@pyiqa", "fid@clean"
DISTS = "dists@vgg16-tf32"
THEIRS = PublishedScores(
    title="a log",
    samples={PSNR: {"a": 25.5, "b": 24.0}, NIQE: {"a": 5.25, "b": 6.0}},
    sets={FID: 123.5},
)


@pytest.fixture(autouse=True)
def _metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    specs = {
        key: MetricSpec(
            id=key,
            title=key,
            higher_is_better=True,
            needs_reference=key != NIQE,
            definition="",
            loader="",
        )
        for key in (PSNR, NIQE, FID, DISTS, "liqe@koniq")
    }
    monkeypatch.setattr(registry, "metric_specs", lambda: specs)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        (tmp_path / f"{name}.png").touch()
    return tmp_path


def compare(
    folder: Path,
    *,
    psnr=(0.0, 0.0),
    niqe=(0.0, 0.0),
    dists=(0.0, 0.0),
    fid=0.0,
    published: PublishedScores = THEIRS,
    **asked: Any,
) -> Conformance:
    """Settle a comparison and judge scores that are off by these amounts."""
    off = {
        metric: dict(zip("ab", given, strict=True))
        for metric, given in ((PSNR, psnr), (NIQE, niqe), (DISTS, dists))
    }
    asked = {"sr": folder, "hr": folder, "published": "a log", "device": "cpu", **asked}
    request = ask(VerifyRequest, {key: value for key, value in asked.items() if value})
    plan = settled(lambda: settle_verify(request, published, ScoreCache()))
    store = RunStore(None)
    for spec in plan.score.images.specs:
        key = {"dataset": "folder", "method": "sr", "metric": spec.id}
        if spec.id == FID:
            store.write([SetScoreRow(**key, n=2, value=123.5 + fid)])
            continue
        for image in plan.score.images.images():
            value = (published.samples | THEIRS.samples)[spec.id][image] + off[spec.id][image]
            store.write([ScoreRow(**key, image=image, value=value)])
    return judge(plan, store)


def test_equal_scores_agree(folder: Path) -> None:
    found = compare(folder)
    assert found.agrees
    assert [one.metric for one in found.verdicts] == [PSNR, NIQE, FID]
    psnr = found.verdicts[0]
    assert (psnr.n, psnr.ours, psnr.published, psnr.difference) == (2, 24.75, 24.75, 0.0)


def test_the_largest_difference_is_named_with_its_image(folder: Path) -> None:
    psnr, niqe, fid = compare(folder, psnr=(5e-6, -2e-5), niqe=(-0.001, 0.001)).verdicts
    assert not psnr.agrees
    assert (psnr.image, psnr.difference) == ("b", pytest.approx(2e-5))
    assert niqe.agrees
    assert fid.agrees


def test_a_mean_may_be_off_although_every_image_is_within_its_tolerance(folder: Path) -> None:
    niqe = compare(folder, niqe=(0.01, 0.01)).verdicts[1]
    assert niqe.difference < 0.02
    assert not niqe.agrees


def test_a_set_metric_has_the_tolerance_of_its_value(folder: Path) -> None:
    assert compare(folder, fid=-0.15).verdicts[2].agrees
    assert not compare(folder, fid=0.25).agrees


def test_dists_of_a_flat_image_may_be_off_by_more(folder: Path) -> None:
    """The order of sums decides there: OSEDiff's log is 2.6e-4 off at DRealSR's sony_189."""
    rng = np.random.default_rng(1)
    for name, deviation in (("a", 1.5), ("b", 4.0)):
        pixels = rng.normal(120, deviation, (64, 64, 3)).round().astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}.png")
    published = PublishedScores(title="a log", samples={DISTS: {"a": 0.16, "b": 0.2}}, sets={})

    def verdict(*off: float) -> Verdict:
        given = {"published": published, "metrics": [DISTS]}
        return compare(folder, dists=off, **given).verdicts[0]

    flat, other = verdict(2.6e-4, 1e-6), verdict(1e-4, 2e-5)
    assert (flat.image, flat.allowed, flat.difference) == ("a", 5e-4, pytest.approx(2.6e-4))
    assert (other.image, other.allowed, other.difference) == ("b", 1.5e-5, pytest.approx(2e-5))


def test_nan_never_agrees(folder: Path) -> None:
    good = compare(folder)
    bad = replace(good.verdicts[0], ours=math.nan, difference=math.nan)
    assert not bad.agrees
    text = json.dumps(replace(good, verdicts=(bad,)).as_json(), allow_nan=False)
    assert json.loads(text)["metrics"][0]["difference"] is None


def test_a_subset_is_compared_over_its_own_images_and_without_set_metrics(folder: Path) -> None:
    (folder / "b.png").unlink()
    with pytest.raises(DataError, match="1 of 2 published images are missing"):
        compare(folder)
    found = compare(folder, subset=True)
    assert (found.n, found.n_published) == (1, 2)
    assert [one.metric for one in found.verdicts] == [PSNR, NIQE]
    assert found.verdicts[0].published == 25.5
    assert found.left_out == {FID: "its published value is of all 2 images"}


def test_metrics_are_chosen_and_have_to_be_known(folder: Path) -> None:
    assert [one.metric for one in compare(folder, metrics=[NIQE]).verdicts] == [NIQE]
    assert [one.metric for one in compare(folder, metrics="niqe").verdicts] == [NIQE]
    with pytest.raises(UsageError, match="Unknown metric of a log 'liqe@koniq'"):
        compare(folder, metrics=["liqe@koniq"])


def test_references_are_needed_only_by_metrics_that_need_them(folder: Path) -> None:
    assert compare(folder, hr=None, metrics=[NIQE]).agrees
    with pytest.raises(UsageError, match="psnr@y601, fid@clean need references"):
        compare(folder, hr=None)


def test_without_a_tolerance_there_is_no_verdict(folder: Path) -> None:
    theirs = PublishedScores(title="x", samples={"liqe@koniq": {"a": 3.0, "b": 4.0}}, sets={})
    with pytest.raises(UsageError, match="No tolerance is known for liqe@koniq"):
        compare(folder, published=theirs)


def test_a_difference_that_rounding_in_print_explains_agrees(folder: Path) -> None:
    rounded = replace(THEIRS, rounding={PSNR: 0.005})  # published with two decimals

    def verdict(published: PublishedScores, off: float) -> Verdict:
        return compare(folder, psnr=(off, off), published=published, metrics=[PSNR]).verdicts[0]

    assert verdict(rounded, 4e-3).agrees
    assert verdict(rounded, -4e-3).agrees
    assert verdict(rounded, 4e-3).allowed == 0.005
    assert not verdict(rounded, 6e-3).agrees
    assert not verdict(THEIRS, 4e-3).agrees


@pytest.mark.parametrize(("image", "named"), [("a", "'a'"), ("", "'the set'")])
def test_an_image_without_a_score_is_an_error_that_names_it(
    folder: Path, image: str, named: str
) -> None:
    request = ask(VerifyRequest, {"sr": folder, "hr": folder, "published": "x", "device": "cpu"})
    plan = settled(lambda: settle_verify(request, THEIRS, ScoreCache()))
    store = RunStore(None)
    key = {"dataset": "folder", "method": "sr", "metric": PSNR, "stage": "score"}
    store.write([FailureRow(**key, image=image, error="ImageError", cause="SR is 8 x 4")])
    with pytest.raises(ScoreError, match=f"No psnr@y601 of {named}: SR is 8 x 4"):
        judge(plan, store)
