"""Ours against theirs: largest difference, tolerances, subsets."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import registry
from benchmarks.api.errors import DataError, UsageError
from benchmarks.api.metric import MetricSpec
from benchmarks.conformance.compare import Conformance, Verdict, verify
from benchmarks.conformance.parse import PublishedScores
from benchmarks.conformance.scoring import FolderScores
from benchmarks.pairing import Pair

PSNR, NIQE, FID = "psnr@y601", "niqe@pyiqa", "fid@clean"
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
        for key in (PSNR, NIQE, FID, "liqe@koniq")
    }
    monkeypatch.setattr(registry, "metric_specs", lambda: specs)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        (tmp_path / f"{name}.png").touch()
    return tmp_path


def compare(folder: Path, *, psnr=(0.0, 0.0), niqe=(0.0, 0.0), fid=0.0, **options) -> Conformance:
    """Verify with scores that are off by these amounts."""
    off = {PSNR: dict(zip("ab", psnr, strict=True)), NIQE: dict(zip("ab", niqe, strict=True))}

    def score(pairs: Sequence[Pair], metrics: Sequence[str]) -> FolderScores:
        samples = {
            metric: {p.image: THEIRS.samples[metric][p.image] + off[metric][p.image] for p in pairs}
            for metric in metrics
            if metric in off
        }
        return FolderScores(samples=samples, sets={FID: 123.5 + fid} if FID in metrics else {})

    return verify(folder, options.pop("hr", folder), THEIRS, score=score, **options)


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


def test_nan_never_agrees(folder: Path) -> None:
    found = compare(folder, psnr=(0.0, math.nan))
    assert not found.verdicts[0].agrees
    assert found.verdicts[0].image == "b"
    text = json.dumps(found.as_json(), allow_nan=False)
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
    with pytest.raises(UsageError, match="a log has no liqe@koniq; it has psnr@y601"):
        compare(folder, metrics=["liqe@koniq"])


def test_references_are_needed_only_by_metrics_that_need_them(folder: Path) -> None:
    assert compare(folder, hr=None, metrics=[NIQE]).agrees
    with pytest.raises(UsageError, match="psnr@y601, fid@clean need references"):
        compare(folder, hr=None)


def test_without_a_tolerance_there_is_no_verdict(folder: Path) -> None:
    theirs = PublishedScores(title="x", samples={"liqe@koniq": {"a": 3.0, "b": 4.0}}, sets={})
    with pytest.raises(UsageError, match="No tolerance is known for liqe@koniq"):
        verify(folder, None, theirs, score=lambda *_: FolderScores())


def test_an_image_that_could_not_be_scored_is_an_error(folder: Path) -> None:
    with pytest.raises(DataError, match="psnr@y601 could not be computed for 2 images: a"):
        verify(folder, folder, THEIRS, score=lambda *_: FolderScores(), metrics=[PSNR])


def test_a_difference_that_rounding_in_print_explains_agrees(folder: Path) -> None:
    rounded = replace(THEIRS, rounding={PSNR: 0.005})  # published with two decimals

    def judge(published: PublishedScores, off: float) -> Verdict:
        def score(pairs: Sequence[Pair], metrics: Sequence[str]) -> FolderScores:
            return FolderScores(samples={PSNR: {"a": 25.5 + off, "b": 24.0 + off}})

        found = verify(folder, folder, published, score=score, metrics=[PSNR])
        return found.verdicts[0]

    assert judge(rounded, 4e-3).agrees
    assert judge(rounded, -4e-3).agrees
    assert judge(rounded, 4e-3).allowed == 0.005
    assert not judge(rounded, 6e-3).agrees
    assert not judge(THEIRS, 4e-3).agrees
