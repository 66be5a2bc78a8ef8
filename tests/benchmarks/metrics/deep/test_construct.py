from __future__ import annotations

import sys
import zipfile
from dataclasses import replace
from types import ModuleType

import pytest
import torch

from benchmarks.api.errors import WeightsCorruptError, WeightsMissingError
from benchmarks.api.weights import WeightStore
from benchmarks.metrics.deep.construct import build_pyiqa, replaced


def test_replaced_puts_everything_back_after_an_error() -> None:
    module = ModuleType("module")
    module.a = 1
    with pytest.raises(ValueError, match="inside"), replaced(module, {"a": 2}):
        assert module.a == 2
        raise ValueError("inside")
    assert module.a == 1


def test_pyiqas_modules_are_as_before_a_construction(metric) -> None:
    from pyiqa.archs import arch_util, liqe_arch, lpips_arch

    metric("lpips@alex")
    metric("liqe@koniq")
    assert lpips_arch.load_pretrained_network is arch_util.load_pretrained_network
    assert liqe_arch.load is sys.modules["pyiqa.archs.clip_model"].load
    assert isinstance(lpips_arch.models, ModuleType)


def test_a_missing_file_is_named(runtime, tmp_path) -> None:
    found = replace(runtime("maniqa@pipal"), weights=WeightStore(tmp_path))
    with pytest.raises(WeightsMissingError, match=r"MANIQA_PIPAL-ae6d356b\.pth"):
        build_pyiqa(found)


def test_a_clip_file_that_is_not_openais_is_never_opened(runtime) -> None:
    found = runtime("clipiqa@rn50")
    (weight,) = found.spec.weights
    known = replace(weight, sha256="0" * 64)
    found = replace(found, spec=replace(found.spec, weights=(known,)))
    with pytest.raises(WeightsCorruptError, match="0000"):
        build_pyiqa(found, pretrained=False)


def test_clip_is_read_from_openais_torchscript_archive(runtime) -> None:
    found = runtime("clipiqa@rn50")
    archive = zipfile.ZipFile(found.weight("RN50.pt"))
    assert any(name.endswith("constants.pkl") for name in archive.namelist())  # TorchScript
    clip = build_pyiqa(found, pretrained=False).clip_model[0]
    assert clip.visual.layer1[0].conv1.weight.dtype == torch.float32
    assert clip.visual.layer1[0].conv1.weight.abs().sum() > 0
