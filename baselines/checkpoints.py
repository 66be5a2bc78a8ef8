"""Reading official weight files: without running code from them, and strictly.

Upstream loaders copy what fits and pass over the rest (`strict=False`), so that a wrong file gives
wrong images and no error. Here a file is what the network expects, key by key, or it is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.api.errors import WeightsCorruptError
from benchmarks.api.tensors import read_torch
from benchmarks.api.text import show

if TYPE_CHECKING:
    from torch import Tensor, nn

Shapes = Mapping[str, tuple[int, ...]]

_OTHER_FILE = "The file is another version or another method's: get the one that the card names."


def read_pickle(path: Path) -> dict[str, Any]:
    """Return what a `.pkl` or `.pth` file holds, on the CPU, with `weights_only=True`.

    Raises:
        WeightsCorruptError: it is not a torch file, is cut short, holds more than tensors and
            plain data, or is not a dictionary.
    """
    content = read_torch(path, mapped=True)  # of a file of 5.6 GB a quarter is needed
    if not isinstance(content, dict):
        raise WeightsCorruptError(
            f"{show(path)} holds {type(content).__name__}, not a dictionary.", _OTHER_FILE
        )
    return content


def read_tensors(path: Path, *, wrapper: str) -> dict[str, Tensor]:
    """Return the tensors of an official checkpoint by name, on the CPU.

    Args:
        path: the file.
        wrapper: the entry that holds the tensors, where the file does not hold them directly.

    Returns:
        The tensors, without the `module.` that data-parallel training puts before every name.

    Raises:
        WeightsCorruptError: the file cannot be read, or does not hold tensors by name.
    """
    import torch

    content = read_pickle(path)
    if wrapper in content:
        content = entry(content, wrapper, dict, path)
    if not all(isinstance(tensor, torch.Tensor) for tensor in content.values()):
        raise WeightsCorruptError(f"{show(path)} does not hold tensors by name.", _OTHER_FILE)
    if all(name.startswith("module.") for name in content):
        return {name.removeprefix("module."): tensor for name, tensor in content.items()}
    return content


def entry(content: Mapping[str, Any], key: str, kind: type, path: Path) -> Any:
    """Return `content[key]`, which must be of type `kind`.

    Raises:
        WeightsCorruptError: it is missing or of another type.
    """
    value = content.get(key)
    if not isinstance(value, kind):
        found = "is missing" if key not in content else f"is {type(value).__name__}"
        raise WeightsCorruptError(
            f"{show(path)}: '{key}' {found} where {kind.__name__} was expected.",
            _OTHER_FILE,
        )
    return value


def require_same(found: Mapping[str, Tensor], expected: Shapes, where: str) -> None:
    """Check that `found` has exactly the keys and shapes of `expected`.

    Args:
        found: tensors by key.
        expected: shapes by key.
        where: the file, and the part of it, for the message.

    Raises:
        WeightsCorruptError: it has not; the message names the first key that differs.
    """
    problem = _first_difference(found, expected)
    if problem:
        raise WeightsCorruptError(
            f"{where}: {problem}.",
            _OTHER_FILE,
        )


def load_strictly(
    network: nn.Module,
    tensors: Mapping[str, Tensor],
    path: Path,
    *,
    constants: Collection[str] = (),
    official: Callable[[str], str] = str,
) -> None:
    """Give a network its tensors, in the network's dtypes, and make it ready for inference.

    Args:
        network: the network; its parameters may lie on the meta device.
        tensors: what the file holds.
        path: the file, for the message.
        constants: names that the file may hold and that the network computes itself.
        official: gives the file's name of one of the network's tensors.

    Raises:
        WeightsCorruptError: the tensors are not this network's; the first one is named.
    """
    own = network.state_dict()
    given = {name: tensor for name, tensor in tensors.items() if name not in constants}
    expected = {official(name): tuple(tensor.shape) for name, tensor in own.items()}
    require_same(given, expected, show(path))
    found = {name: given[official(name)].to(tensor.dtype) for name, tensor in own.items()}
    network.load_state_dict(found, assign=True)
    network.eval().requires_grad_(False)


def _first_difference(found: Mapping[str, Tensor], expected: Shapes) -> str:
    for key, shape in expected.items():
        if key not in found:
            return f"key '{key}' is missing ({len(found)} keys, {len(expected)} expected)"
        if tuple(found[key].shape) != shape:
            return f"key '{key}' has shape {tuple(found[key].shape)} where {shape} was expected"
    extra = next((key for key in found if key not in expected), None)
    return f"key '{extra}' is not part of the network" if extra is not None else ""
