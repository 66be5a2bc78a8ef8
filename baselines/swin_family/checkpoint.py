"""Official checkpoints: named tensors, wrapped or not, strictly into the network they belong to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from baselines.checkpoints import entry, read_pickle, require_same
from benchmarks.api.errors import WeightsCorruptError
from benchmarks.api.images import show

if TYPE_CHECKING:
    from torch import Tensor, nn


def read_tensors(path: Path, *, wrapper: str) -> dict[str, Tensor]:
    """Return the tensors of an official checkpoint by name.

    Args:
        path: the file.
        wrapper: the entry that holds the tensors, where the file does not hold them directly.

    Returns:
        Tensors on the CPU, without the `module.` that data-parallel training puts before names.

    Raises:
        WeightsCorruptError: the file cannot be read, or does not hold tensors by name.
    """
    import torch

    content = read_pickle(path)
    if wrapper in content:
        content = entry(content, wrapper, dict, path)
    if not all(isinstance(tensor, torch.Tensor) for tensor in content.values()):
        raise WeightsCorruptError(
            f"{show(path)} does not hold tensors by name.",
            "The file is another version or another method's: get the one that the card names.",
        )
    if all(name.startswith("module.") for name in content):
        return {name.removeprefix("module."): tensor for name, tensor in content.items()}
    return content


def load_strictly(
    network: nn.Module,
    tensors: Mapping[str, Tensor],
    path: Path,
    *,
    constants: Collection[str] = (),
) -> None:
    """Give a network its tensors, in the network's dtypes; it may have been built without any.

    Args:
        network: the network; its parameters may lie on the meta device.
        tensors: what the file holds.
        path: the file, for the message.
        constants: names that the file may hold and that the network computes itself.

    Raises:
        WeightsCorruptError: the tensors are not this network's; the first one is named.
    """
    own = network.state_dict()
    given = {name: tensor for name, tensor in tensors.items() if name not in constants}
    require_same(given, {name: tuple(tensor.shape) for name, tensor in own.items()}, show(path))
    network.load_state_dict({name: given[name].to(own[name].dtype) for name in own}, assign=True)
