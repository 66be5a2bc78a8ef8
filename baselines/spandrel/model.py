"""A model file that spandrel recognises -> a network, without running anything in the file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.api.errors import ConfigError, DataError, WeightsCorruptError
from benchmarks.api.tensors import read_safetensors, read_torch
from benchmarks.api.text import first_line, show

if TYPE_CHECKING:
    from torch import Tensor

_READERS = (".pth", ".ckpt", ".safetensors")
_REMEDY = "Give a .pth or .safetensors file of an architecture that spandrel knows."


@dataclass(frozen=True, slots=True)
class Facts:
    """What a model file says of itself."""

    architecture: str  # "ESRGAN", "SwinIR"
    scale: int
    minimum: int  # LR pixels per side
    multiple_of: int  # LR pixels
    half: bool  # whether it computes in float16


def facts_of(path: Path) -> Facts:
    """Return what a model file says of itself; the file is read once as long as it stays the same.

    Raises:
        DataError: there is no such file.
        ConfigError: it is no state dict, or of no architecture that restores RGB images.
        WeightsCorruptError: it cannot be read, or holds more than tensors.
    """
    try:
        changed = path.stat().st_mtime_ns
    except OSError as error:
        raise DataError(f"Cannot read {show(path)}: {error.strerror}.", _REMEDY) from None
    return _facts_of(path, changed)


@lru_cache
def _facts_of(path: Path, _: int) -> Facts:
    model = load(path)
    size = model.size_requirements
    return Facts(
        architecture=str(model.architecture.name),
        scale=model.scale,
        minimum=max(1, size.minimum),
        multiple_of=size.multiple_of,
        half=model.supports_half,
    )


def load(path: Path) -> Any:
    """Return spandrel's descriptor of the model in a file, on the CPU, ready for inference.

    Raises:
        ConfigError: it is no state dict, or of no architecture that restores RGB images.
        WeightsCorruptError: it cannot be read, or holds more than tensors.
    """
    from spandrel import ImageModelDescriptor, ModelLoader, UnsupportedModelError

    tensors = _read(path)
    try:
        model = ModelLoader(device="cpu").load_from_state_dict(tensors)
    except UnsupportedModelError:
        raise ConfigError(f"spandrel knows no architecture of {show(path)}.", _REMEDY) from None
    except Exception as error:  # a file of a known architecture whose tensors do not fit it
        raise WeightsCorruptError(
            f"{show(path)} cannot be loaded: {first_line(error)}", _REMEDY
        ) from None
    channels = (model.input_channels, model.output_channels)
    if not isinstance(model, ImageModelDescriptor) or channels != (3, 3):
        raise ConfigError(f"{show(path)} is no network from RGB to RGB images.", _REMEDY)
    if model.size_requirements.square:
        raise ConfigError(f"{show(path)} takes square images alone.", _REMEDY)
    return model.eval()


def _read(path: Path) -> dict[str, Tensor]:
    """Return a file's tensors; `.pt` is refused: such files may be programs (TorchScript)."""
    if path.suffix.lower() not in _READERS:
        raise ConfigError(
            f"{show(path)}: {path.suffix or 'a file without suffix'} is not read.", _REMEDY
        )
    if not path.is_file():
        raise DataError(f"No such file: {show(path)}", _REMEDY)
    read: Callable[[Path], Any] = read_torch
    if path.suffix.lower() == ".safetensors":
        read = read_safetensors
    try:
        content = read(path)
    except WeightsCorruptError as error:
        raise WeightsCorruptError(error.cause, _REMEDY) from None
    if not isinstance(content, dict):
        raise ConfigError(f"{show(path)} holds {type(content).__name__}, not tensors.", _REMEDY)
    return content
