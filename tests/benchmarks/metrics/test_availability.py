from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import registry
from benchmarks.api.errors import WeightsMissingError
from benchmarks.api.images import sha256_file
from benchmarks.api.weights import WeightStore
from benchmarks.metrics.availability import availability

_NAMES = ("psnr@y601", "niqe@matlab", "lpips@vgg", "dists@vgg16")


def _specs():
    specs = registry.metric_specs()
    return [specs[name] for name in _NAMES]


def test_on_a_bare_machine_only_what_needs_no_file_can_run(tmp_path: Path) -> None:
    found = availability(_specs(), WeightStore(tmp_path))
    assert [spec.id for spec in found.ready] == ["psnr@y601"]
    assert found.lacking["niqe@matlab"] == ("niqe_matlab_params.mat",)
    assert len(found.lacking["dists@vgg16"]) == 2


def test_a_shared_file_is_listed_once_with_all_that_a_person_needs(tmp_path: Path) -> None:
    files = availability(_specs(), WeightStore(tmp_path)).files
    names = [status.weight.name for status in files]
    assert names.count("vgg16-397923af.pth") == 1
    for status in files:
        row = status.as_json()
        assert row["state"] == "missing"
        assert row["about_bytes"]
        assert str(row["source"]).startswith("https://")
        assert str(row["place"]).startswith(str(tmp_path))


def test_require_names_metrics_files_and_the_command(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissingError) as caught:
        availability(_specs(), WeightStore(tmp_path)).require()
    assert "vgg16-397923af.pth" in caught.value.cause
    assert caught.value.remedy.startswith("Run: mfsr-bench weights fetch niqe@matlab,")
    assert caught.value.exit_code == 4
    availability(_specs()[:1], WeightStore(tmp_path)).require()


def test_files_of_another_tools_cache_are_found(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    cached = tmp_path / "torch" / "hub" / "pyiqa" / "niqe_matlab_params.mat"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"MATLAB ".ljust(11_000))
    found = availability(_specs()[:2], WeightStore(tmp_path))
    assert len(found.ready) == 2
    assert found.files[0].path == cached


def test_a_damaged_file_counts_as_missing(tmp_path: Path) -> None:
    for name in ("DISTS_weights-f5e65c96.pth", "vgg16-397923af.pth"):
        (tmp_path / "metrics").mkdir(exist_ok=True)
        (tmp_path / "metrics" / name).write_bytes(b"not the weights")
    dists = _specs()[3:]
    for sha256 in (None, sha256_file):
        found = availability(dists, WeightStore(tmp_path), sha256=sha256)
        assert not found.ready
        assert {status.state for status in found.files} == {"corrupt"}
