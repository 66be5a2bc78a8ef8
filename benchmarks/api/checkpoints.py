"""The authors' checkpoints: read as data, never as code, and never into the wrong network."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.api.errors import WeightsCorruptError
from benchmarks.api.images import first_line, show

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

_AGAIN = "Delete the file and run: mfsr-bench weights fetch"


def read_tensors(path: Path, *, keys: tuple[str, ...] = ("state_dict",)) -> dict[str, Tensor]:
    """Read the tensors of a `.pth` file by name, with `weights_only=True`.

    Args:
        path: the file.
        keys: entries of the file that may hold the tensors, the first one found is taken; a file
            with none of them holds the tensors itself.

    Returns:
        Tensors on the CPU, without the `module.` that data-parallel training puts before names.

    Raises:
        WeightsCorruptError: the file is damaged, carries code, or holds no named tensors.
    """
    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch answers a damaged file with almost any error
        raise WeightsCorruptError(
            f"{show(path)} cannot be read as plain tensors: {first_line(error)}", _AGAIN
        ) from None
    if isinstance(content, dict):
        content = next((content[key] for key in keys if key in content), content)
    if not (isinstance(content, dict) and all(map(torch.is_tensor, content.values()))):
        raise WeightsCorruptError(f"{show(path)} does not hold tensors by name.", _AGAIN)
    if all(name.startswith("module.") for name in content):
        content = {name.removeprefix("module."): tensor for name, tensor in content.items()}
    return content


def matched(
    tensors: Mapping[str, Tensor],
    shapes: Mapping[str, torch.Size],
    path: Path,
    *,
    constants: Collection[str] = (),
) -> dict[str, Tensor]:
    """Return the tensors that a network asks for, or refuse the file.

    Args:
        tensors: what the file holds.
        shapes: name and shape of each tensor of the network.
        path: the file, for the message.
        constants: names that the file may hold and the network computes itself.

    Raises:
        WeightsCorruptError: a tensor is missing, has another shape, or is not the network's; the
            first one, in the order of the network and then of the file, is named.
    """
    differing = [
        f"'{name}' is missing"
        if name not in tensors
        else f"'{name}' has shape {tuple(tensors[name].shape)}, not {tuple(shape)}"
        for name, shape in shapes.items()
        if name not in tensors or tensors[name].shape != shape
    ]
    differing += [
        f"'{name}' is not part of it"
        for name in tensors
        if name not in shapes and name not in constants
    ]
    if differing:
        more = f" ({len(differing)} differ)" if len(differing) > 1 else ""
        raise WeightsCorruptError(
            f"{show(path)} does not fit the network: {differing[0]}{more}.", _AGAIN
        )
    return {name: tensors[name] for name in shapes}


def load_strict(
    network: nn.Module,
    tensors: Mapping[str, Tensor],
    path: Path,
    *,
    constants: Collection[str] = (),
) -> None:
    """Give a network its tensors, in the network's own dtypes; it may have been built empty.

    Args:
        network: the network; its parameters may lie on the meta device.
        tensors: what the file holds.
        path: the file, for the message.
        constants: names that the file may hold and the network computes itself.

    Raises:
        WeightsCorruptError: the tensors are not this network's; the first one is named.
    """
    own = network.state_dict()
    given = matched(
        tensors, {name: tensor.shape for name, tensor in own.items()}, path, constants=constants
    )
    network.load_state_dict(
        {name: tensor.to(own[name].dtype) for name, tensor in given.items()}, assign=True
    )
