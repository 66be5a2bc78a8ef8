"""Reading files of tensors: nothing in a file is run, and a damaged file is one plain error."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from benchmarks.api.errors import WeightsCorruptError, WeightsMissingError
from benchmarks.api.formats import fault
from benchmarks.api.text import first_line, show
from benchmarks.api.weight_checks import AGAIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

T = TypeVar("T")

# Lightning's trainer leaves its own classes in a checkpoint, as keys of what they remember. They
# are read as a class without contents; what they stand for is neither imported nor run.
_TRAINERS = ("pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint",)


class _Trainer:
    """Stands for a class of the trainer that saved a file."""


def read_torch(path: Path, *, mapped: bool = False) -> Any:
    """Return what a file of `torch.save` holds, on the CPU, with `weights_only=True`.

    Args:
        path: the file.
        mapped: map it where its format allows, for a file of which a part is needed.

    Raises:
        WeightsMissingError: no such file.
        WeightsCorruptError: it is not a torch file, is cut short, or holds more than tensors and
            plain data.
    """
    import torch

    _check(path)
    with path.open("rb") as handle:
        mapped = mapped and handle.read(2) == b"PK"
    try:
        with warnings.catch_warnings():  # an odd pickle protocol ends in an error or is harmless
            warnings.simplefilter("ignore", UserWarning)
            with torch.serialization.safe_globals([(_Trainer, name) for name in _TRAINERS]):
                return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as error:  # torch answers a damaged file with many kinds
        raise unreadable(path, error) from None


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file by name, on the CPU.

    Raises:
        WeightsMissingError: no such file.
        WeightsCorruptError: it is cut short, or no safetensors file.
    """

    def tensors(file: Any) -> dict[str, Tensor]:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no mapping

    return _of_safetensors(path, tensors)


def read_metadata(path: Path) -> dict[str, str]:
    """Return the texts that a safetensors file holds beside its tensors.

    Raises:
        WeightsMissingError: no such file.
        WeightsCorruptError: it is cut short, or no safetensors file.
    """
    return _of_safetensors(path, lambda file: dict(file.metadata() or {}))


def _of_safetensors(path: Path, take: Callable[[Any], T]) -> T:
    from safetensors import safe_open

    _check(path)
    try:
        with safe_open(path, framework="pt") as file:
            return take(file)
    except Exception as error:  # likewise
        raise unreadable(path, error) from None


def unreadable(path: Path, error: Exception) -> WeightsCorruptError:
    """Return the error for a file or folder that a library could not read.

    torch's own words advise to run what is in the file; they are not passed on.
    """
    cause = first_line(error)
    if "weights_only" in str(error) or "Weights only" in str(error):
        cause = "it is damaged, or holds more than tensors and plain data: code, for example."
    return WeightsCorruptError(f"{show(path)} cannot be read: {cause}", AGAIN)


def _check(path: Path) -> None:
    if not path.is_file():
        raise WeightsMissingError(f"No such weight file: {show(path)}")
    found = fault(path)
    if found:
        raise WeightsCorruptError(f"{show(path)} {found.what}", found.remedy or AGAIN)
