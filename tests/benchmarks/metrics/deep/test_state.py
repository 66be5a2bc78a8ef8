from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
import torch
from torch import nn

from benchmarks.api.errors import WeightsCorruptError
from benchmarks.metrics.deep.state import load_into, read_tensors


class _Code:
    def __reduce__(self):
        return os.mkdir, ("ran",)


@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_code_in_a_file_is_refused_and_not_run(tmp_path: Path, monkeypatch, how: str) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "weights.pth"
    if how == "torch":
        torch.save({"params": _Code()}, path)
    else:
        path.write_bytes(pickle.dumps(_Code()))
    with pytest.raises(WeightsCorruptError, match=r"weights\.pth"):
        read_tensors(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"PK\x03\x04broken"])
def test_damaged_files_are_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(WeightsCorruptError, match=r"weights\.pth"):
        read_tensors(path)


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    torch.save({"weight": torch.ones(1)}, tmp_path / "w.pth")
    with pytest.raises(WeightsCorruptError, match="params"):
        read_tensors(tmp_path / "w.pth", "params")
    torch.save(torch.ones(3), tmp_path / "tensor.pth")
    with pytest.raises(WeightsCorruptError, match=r"tensor\.pth"):
        read_tensors(tmp_path / "tensor.pth", "params")


def test_load_into_strips_the_prefix_of_parallel_training(tmp_path: Path) -> None:
    source, target = nn.Linear(2, 2), nn.Linear(2, 2)
    state = {f"module.{name}": tensor for name, tensor in source.state_dict().items()}
    torch.save({"params": state}, tmp_path / "w.pth")
    load_into(target, tmp_path / "w.pth", key="params", strict=True)
    assert torch.equal(source.weight, target.weight)


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    "state", [{"other": torch.ones(1)}, {"weight": torch.ones(3, 3)}, {}, torch.ones(2)]
)
def test_what_does_not_fit_is_refused_even_when_not_strict(
    tmp_path: Path, state: object, strict: bool
) -> None:
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(WeightsCorruptError, match="does not fit Linear"):
        load_into(nn.Linear(2, 2), tmp_path / "w.pth", strict=strict)
