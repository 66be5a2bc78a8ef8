"""Networks of diffusers and transformers folders, checked on loading."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.utils import logging as transformers_logging

from benchmarks.api.errors import WeightsCorruptError
from benchmarks.api.tensors import unreadable
from benchmarks.api.text import show


@contextlib.contextmanager
def no_progress_bar() -> Iterator[None]:
    """Keep the libraries' own bars out of the harness's progress."""
    from diffusers.utils import logging as diffusers_logging

    libraries = (transformers_logging, diffusers_logging)
    shown = [library for library in libraries if library.is_progress_bar_enabled()]
    for library in shown:
        library.disable_progress_bar()
    try:
        yield
    finally:
        for library in shown:
            library.enable_progress_bar()


def load_part(kind: Any, folder: Path, parameters: int) -> Any:
    """Load a network in float32 on the CPU, ready for inference.

    Args:
        kind: a model class of diffusers or transformers.
        folder: holds its configuration and weights.
        parameters: how many it must have.

    Raises:
        WeightsCorruptError: it cannot be read, lacks tensors, or has another size.
    """
    # diffusers and transformers spell the same option differently.
    spelling = "dtype" if issubclass(kind, PreTrainedModel) else "torch_dtype"
    dtype = {spelling: torch.float32}
    try:
        model, info = kind.from_pretrained(
            folder, output_loading_info=True, local_files_only=True, **dtype
        )
    except Exception as error:  # the libraries answer a damaged folder with many kinds
        raise unreadable(folder, error) from None
    for what in ("missing_keys", "mismatched_keys"):
        if info[what]:
            first = min(map(str, info[what]))
            raise corrupt(folder, f"has {what.replace('_', ' ')}, the first is '{first}'")
    count = sum(parameter.numel() for parameter in model.parameters())
    if count != parameters:
        raise corrupt(folder, f"has {count:,} parameters where {parameters:,} were expected")
    return model.eval().requires_grad_(False)


def corrupt(folder: Path, problem: str) -> WeightsCorruptError:
    """Return the error of a folder that has a problem."""
    return WeightsCorruptError(
        f"{show(folder)} {problem}.",
        "Delete the folder and run: mfsr-bench weights fetch",
    )


def place(module: nn.Module, device: str, dtype: torch.dtype) -> None:
    """Move and cast a module, past diffusers' own `to`, which warns of every cast."""
    nn.Module.to(module, device, dtype)
