"""Checkpoints: whole or not there, in safetensors and JSON, named by step.

    <run>/checkpoints/step-00001000/
        model.safetensors  ema.safetensors  optimizer.safetensors  state.json

A checkpoint is written under another name and renamed when it is complete, so that a kill or a full
disk leaves the last good one as it was.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass as document
from safetensors.torch import save_file
from torch import Tensor

from benchmarks.api import documents
from benchmarks.api.documents import STRICT
from benchmarks.api.errors import (
    ResourceError,
    WeightsCorruptError,
    WeightsError,
)
from benchmarks.api.images import first_line, show
from benchmarks.api.tensors import read_safetensors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_STEP = re.compile(r"step-(\d{8})")
_WRITING = ".writing-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The state of a run after `step` optimiser steps."""

    step: int
    model: Mapping[str, Tensor]  # trained parameters by name
    optimizer: Mapping[str, Any]  # as torch's state dict, parameters by name
    ema: Mapping[str, Tensor]  # empty without an average
    scaler: Mapping[str, Any]  # loss scale of float16; empty otherwise


@document(frozen=True, slots=True, kw_only=True, config=STRICT)
class _Optimizer:
    """What is not a tensor of an optimiser's state."""

    param_groups: list[dict[str, Any]]


@document(frozen=True, slots=True, kw_only=True, config=STRICT)
class _State:
    """`state.json`."""

    step: Annotated[int, Field(ge=0)]
    optimizer: _Optimizer
    scaler: dict[str, Any]


def save_checkpoint(run: Path, checkpoint: Checkpoint, *, keep: int) -> Path:
    """Write a checkpoint and remove all but the newest `keep`.

    Raises:
        ResourceError: the disk is full or refuses the write; older checkpoints are untouched.
    """
    folder = run / "checkpoints"
    target = folder / f"step-{checkpoint.step:08d}"
    writing = folder / f"{_WRITING}{target.name}"
    try:
        shutil.rmtree(writing, ignore_errors=True)
        writing.mkdir(parents=True)
        tensors, plain = _split(checkpoint.optimizer)
        _save(writing / "model.safetensors", checkpoint.model)
        _save(writing / "ema.safetensors", checkpoint.ema)
        _save(writing / "optimizer.safetensors", tensors)
        state = _State(step=checkpoint.step, optimizer=plain, scaler=dict(checkpoint.scaler))
        documents.write(state, writing / "state.json")
        shutil.rmtree(target, ignore_errors=True)
        writing.rename(target)
    except (OSError, RuntimeError) as error:  # safetensors answers a full disk with its own error
        shutil.rmtree(writing, ignore_errors=True)
        raise ResourceError(
            f"Cannot write the checkpoint of step {checkpoint.step} in {show(folder)}: "
            f"{first_line(error)}",
            "Free space and repeat the command: it goes on from the last good checkpoint.",
        ) from error
    for old in checkpoints(run)[:-keep]:
        shutil.rmtree(old)
    return target


def checkpoints(run: Path) -> list[Path]:
    """Return the complete checkpoints of a run, oldest first."""
    folder = run / "checkpoints"
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if _STEP.fullmatch(path.name))


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        WeightsCorruptError: a part of it is missing or damaged.
    """
    try:
        state = documents.read(_State, folder / "state.json", error=WeightsCorruptError)
        return Checkpoint(
            step=state.step,
            model=_named(read_safetensors(folder / "model.safetensors")),
            ema=_named(read_safetensors(folder / "ema.safetensors")),
            optimizer=_joined(read_safetensors(folder / "optimizer.safetensors"), state.optimizer),
            scaler=state.scaler,
        )
    except WeightsError as error:
        raise WeightsCorruptError(
            f"The checkpoint {show(folder)} cannot be read: {error.cause}",
            "Delete it and repeat the command: it goes on from the one before.",
        ) from error


def _save(path: Path, tensors: Mapping[str, Tensor]) -> None:
    # safetensors holds no empty file; one marker stands for "nothing here".
    plain = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    save_file(plain or {"": torch.zeros(0)}, path)


def _named(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in tensors.items() if name}


def _split(optimizer: Mapping[str, Any]) -> tuple[dict[str, Tensor], _Optimizer]:
    """Take the tensors out of an optimiser's state dict: "exp_avg|<parameter>" -> tensor."""
    tensors = {}
    for name, values in optimizer["state"].items():
        for key, value in values.items():
            tensors[f"{key}|{name}"] = torch.as_tensor(value)
    return tensors, _Optimizer(param_groups=optimizer["param_groups"])


def _joined(tensors: dict[str, Tensor], plain: _Optimizer) -> dict[str, Any]:
    state: dict[str, dict[str, Tensor]] = {}
    for joined, tensor in _named(tensors).items():
        key, _, name = joined.partition("|")
        state.setdefault(name, {})[key] = tensor
    return {"state": state, "param_groups": plain.param_groups}
