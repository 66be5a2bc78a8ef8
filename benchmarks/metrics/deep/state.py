"""Reading weight files of tensors. Nothing in a file is ever run."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from benchmarks.api.errors import WeightsCorruptError
from benchmarks.api.images import first_line

if TYPE_CHECKING:
    from torch import Tensor, nn

# What torch.load answers, by kind of damage, and what asking a tensor for a key answers.
_UNREADABLE = (
    OSError,
    RuntimeError,
    SafetensorError,
    EOFError,
    LookupError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
)
_REMEDY = "Delete the file and run: mfsr-bench weights fetch metrics"


def read_tensors(path: Path, key: str | None = None) -> Any:
    """Return what a `.pth` or `.safetensors` file holds, or what it holds under `key`.

    Raises:
        WeightsCorruptError: the file is damaged, or holds more than tensors: code, for example.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings():  # an odd pickle protocol ends in an error or is harmless
            warnings.filterwarnings("ignore", "Detected pickle protocol", UserWarning)
            content = torch.load(path, map_location="cpu", weights_only=True)
        return content if key is None else content[key]
    except _UNREADABLE as error:
        raise WeightsCorruptError(
            f"{path} is not a file of tensors, so it was not loaded: {first_line(error)}", _REMEDY
        ) from None


def load_into(
    network: nn.Module,
    path: Path,
    *,
    strict: bool,
    key: str | None = None,
    prefix: str = "",
    assign: bool = False,
) -> None:
    """Put the tensors of a file into a network.

    Args:
        network: the network.
        path: the file.
        strict: every tensor of the network must be there; otherwise only none too many.
        key: where in the file the tensors are.
        prefix: what the names of the network's tensors begin with in the file; others are left.
        assign: keep the file's tensors, as a network without memory of its own needs it.

    Raises:
        WeightsCorruptError: the file cannot be read or does not fit.
    """
    content = read_tensors(path, key)
    try:
        tensors: dict[str, Tensor] = {
            name.removeprefix("module.").removeprefix(prefix): tensor
            for name, tensor in content.items()
            if name.removeprefix("module.").startswith(prefix)
        }
        result = network.load_state_dict(tensors, strict=strict, assign=assign)
    except (AttributeError, RuntimeError) as error:
        raise misfit(path, type(network).__name__, first_line(error)) from None
    if result.unexpected_keys or not tensors:
        unknown = ", ".join(result.unexpected_keys[:3])
        why = f"unknown tensors {unknown}" if unknown else "the file is empty"
        raise misfit(path, type(network).__name__, why)


def misfit(path: Path, network: str, why: str) -> WeightsCorruptError:
    """Return the error for a file of another network."""
    return WeightsCorruptError(f"{path} does not fit {network}: {why}", _REMEDY)
