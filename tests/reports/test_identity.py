"""run.json -> typed facts, or an error that names the file."""

from __future__ import annotations

import pytest

from benchmarks.api.errors import DataError
from reports.identity import identity_of


def test_identity_keeps_the_order_and_the_facts(make_run) -> None:
    run = make_run({("realsr", "mfsr@2", "psnr@y601"): [1.0], ("realsr", "bicubic", "x"): [1.0]})
    identity = identity_of(run)
    assert list(identity.methods) == ["mfsr@2", "bicubic"]
    assert identity.methods["mfsr@2"].title == "MFSR-2s"
    assert identity.methods["mfsr@2"].card_title == "MFSR"
    assert identity.metrics["fid@clean"].level == "set"
    assert identity.metrics["psnr@y601"].name == "psnr"
    assert identity.datasets["realsr"].manifest == "cd" * 32
    assert identity.run.label == "run: mfsr-bench 0.1.0, commit efefefefefef, seed 0"


def test_an_incomplete_run_json_is_a_data_error(make_run) -> None:
    run = make_run({("realsr", "bicubic", "psnr@y601"): [1.0]})
    del run.run["identity"]["seed"]
    with pytest.raises(DataError, match="runs/run is incomplete: KeyError: 'seed'"):
        identity_of(run)


def test_a_skipped_metric_that_the_run_did_not_record_is_described_by_the_catalogue(
    make_run,
) -> None:
    run = make_run(
        {("realsr", "bicubic", "psnr@y601"): [1.0]},
        skipped={"ssim@y601": "weights missing", "unheard@of": "no longer installed"},
    )
    metrics = identity_of(run).metrics
    assert metrics["ssim@y601"].title == "SSIM"
    assert "unheard@of" not in metrics
