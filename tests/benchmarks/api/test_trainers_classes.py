"""Checkpoints of Lightning, which hold a class of its trainer beside the tensors."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest
import torch

from benchmarks.api.errors import WeightsCorruptError
from benchmarks.api.tensors import read_torch


def _save_with_a_class_of(module: str, name: str, path: Path) -> None:
    """Save a checkpoint that refers to a class of a library which is not installed."""
    parts = module.split(".")
    names = [".".join(parts[: index + 1]) for index in range(len(parts))]
    with pytest.MonkeyPatch.context() as patch:
        for part in names:
            patch.setitem(sys.modules, part, types.ModuleType(part))
        kind = type(name, (), {"__module__": module})
        setattr(sys.modules[module], name, kind)
        torch.save({"callbacks": {kind: {"best": 1.0}}, "state_dict": {"a": torch.ones(2)}}, path)


def test_the_tensors_beside_a_trainers_class_are_read(tmp_path: Path) -> None:
    module = "pytorch_lightning.callbacks.model_checkpoint"
    _save_with_a_class_of(module, "ModelCheckpoint", tmp_path / "a.ckpt")
    assert module not in sys.modules
    for mapped in (False, True):
        content = read_torch(tmp_path / "a.ckpt", mapped=mapped)
        assert torch.equal(content["state_dict"]["a"], torch.ones(2))
    assert module not in sys.modules, "nothing of the trainer is imported"


def test_any_other_class_is_refused(tmp_path: Path) -> None:
    _save_with_a_class_of("another_library.things", "Thing", tmp_path / "a.ckpt")
    with pytest.raises(WeightsCorruptError, match="cannot be read"):
        read_torch(tmp_path / "a.ckpt")
