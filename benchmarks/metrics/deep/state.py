"""Reading weight files of tensors. Nothing in a file is ever run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.api.errors import WeightsCorruptError
from benchmarks.api.tensors import read_safetensors, read_torch
from benchmarks.api.text import first_line, show
from benchmarks.api.weight_checks import AGAIN

if TYPE_CHECKING:
    from torch import Tensor, nn


def read_tensors(path: Path, key: str | None = None) -> Any:
    """Return what a `.pth` or `.safetensors` file holds, or what it holds under `key`.

    Raises:
        WeightsCorruptError: the file is damaged, or holds more than tensors: code, for example.
    """
    if path.suffix == ".safetensors":
        return read_safetensors(path)
    content = read_torch(path)
    if key is None:
        return content
    if not isinstance(content, dict) or key not in content:
        raise WeightsCorruptError(f"{show(path)} holds nothing under '{key}'.", AGAIN)
    return content[key]


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
    return WeightsCorruptError(f"{path} does not fit {network}: {why}", AGAIN)
