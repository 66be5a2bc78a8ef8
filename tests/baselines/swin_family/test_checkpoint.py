from __future__ import annotations

import pytest
import torch
from torch import nn

from baselines.swin_family.checkpoint import load_strictly, read_tensors
from benchmarks.api.errors import WeightsCorruptError


@pytest.fixture
def tensors():
    return {"weight": torch.ones(2, 3), "bias": torch.zeros(2)}


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_wrapping_and_prefix(wrapped, prefix, tensors, tmp_path):
    named = {prefix + name: tensor for name, tensor in tensors.items()}
    torch.save({"params_ema": named, "iter": 3} if wrapped else named, tmp_path / "x.pth")
    found = read_tensors(tmp_path / "x.pth", wrapper="params_ema")
    assert list(found) == ["weight", "bias"]
    assert all(torch.equal(found[name], tensors[name]) for name in found)


@pytest.mark.parametrize("content", [{"params_ema": 3}, {"epoch": 3, "weight": torch.ones(2)}])
def test_other_contents_are_refused(content, tmp_path):
    torch.save(content, tmp_path / "x.pth")
    with pytest.raises(WeightsCorruptError):
        read_tensors(tmp_path / "x.pth", wrapper="params_ema")


def test_loading_into_an_empty_network(tensors, tmp_path):
    with torch.device("meta"):
        linear = nn.Linear(3, 2)
    given = {**tensors, "weight": tensors["weight"].half(), "index": torch.zeros(1)}
    load_strictly(linear, given, tmp_path / "x.pth", constants={"index"})
    assert linear.weight.dtype == torch.float32
    assert linear(torch.ones(1, 3)).tolist() == [[3, 3]]
    with pytest.raises(WeightsCorruptError, match="x.pth: key 'index' is not part of the network"):
        load_strictly(linear, given, tmp_path / "x.pth")
