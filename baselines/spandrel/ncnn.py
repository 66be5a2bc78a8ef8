"""Reading ncnn's model files: the weights of their convolutions, as arrays.

A `.param` file lists layers as text, in the order in which the `.bin` file holds their numbers. A
convolution's numbers are its weights, behind a tag that says how they are stored, and its bias.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.api.errors import WeightsCorruptError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MAGIC = "7767517"  # first line of every .param file
_FLOAT32, _FLOAT16 = 0, 0x01306B47  # tags
_WITHOUT_NUMBERS = ("Input", "Split", "Concat", "Eltwise", "BinaryOp", "Interp")
_REMEDY = "It is another model than the one that was expected, or damaged: fetch it again."


@dataclass(frozen=True, slots=True)
class Convolution:
    """One convolution of a model, in the model's order."""

    name: str
    weight: NDArray[np.float32]  # (out, in, height, width)
    bias: NDArray[np.float32]  # (out,)


@dataclass(frozen=True, slots=True)
class _Shape:
    name: str
    outputs: int
    kernel: int
    weights: int
    has_bias: bool


def read_convolutions(param: bytes, numbers: bytes) -> list[Convolution]:
    """Return the convolutions of a model.

    Args:
        param: contents of the `.param` file.
        numbers: contents of the `.bin` file.

    Raises:
        WeightsCorruptError: the files do not fit each other, or hold layers with other numbers.
    """
    found, at = [], 0
    for shape in _layers(param):
        weight, at = _weight(numbers, at, shape)
        bias, at = _array(numbers, at, shape.outputs if shape.has_bias else 0, "<f4")
        found.append(Convolution(shape.name, weight, bias))
    if at != len(numbers):
        raise WeightsCorruptError(
            f"The ncnn model has {len(numbers) - at} bytes too many.", _REMEDY
        )
    return found


def _layers(param: bytes) -> Iterator[_Shape]:
    lines = param.decode("utf-8", errors="replace").splitlines()
    if lines[:1] != [_MAGIC]:
        raise WeightsCorruptError("The file is not an ncnn .param file.", _REMEDY)
    for number, line in enumerate(lines[2:], start=3):
        try:
            shape = _shape(line)
        except (ValueError, KeyError):
            raise WeightsCorruptError(
                f"Line {number} of the ncnn .param file is no layer: {line[:40]!r}.", _REMEDY
            ) from None
        if shape:
            yield shape


def _shape(line: str) -> _Shape | None:
    """Return the convolution that a line describes; None for a layer without numbers."""
    kind, name, inputs, outputs, *rest = line.split()
    if kind in _WITHOUT_NUMBERS:
        return None
    if kind != "Convolution":
        raise WeightsCorruptError(f"The ncnn layer {kind} ({name}) is not known.", _REMEDY)
    values = dict(item.split("=", 1) for item in rest[int(inputs) + int(outputs) :])
    shape = _Shape(
        name=name,
        outputs=int(values["0"]),
        kernel=int(values["1"]),
        weights=int(values["6"]),
        has_bias=values.get("5", "0") == "1",
    )
    if min(shape.outputs, shape.kernel) < 1 or shape.weights % (shape.outputs * shape.kernel**2):
        raise ValueError("no whole number of inputs")
    return shape


def _weight(numbers: bytes, at: int, shape: _Shape) -> tuple[NDArray[np.float32], int]:
    tag = int.from_bytes(numbers[at : at + 4], "little")
    if tag not in (_FLOAT32, _FLOAT16):
        raise WeightsCorruptError(
            f"{shape.name}: weights stored as {tag:#x} are not known.", _REMEDY
        )
    flat, at = _array(numbers, at + 4, shape.weights, "<f2" if tag == _FLOAT16 else "<f4")
    return flat.reshape(shape.outputs, -1, shape.kernel, shape.kernel), at


def _array(numbers: bytes, at: int, count: int, kind: str) -> tuple[NDArray[np.float32], int]:
    """Return `count` numbers as float32, and where the next ones begin: at a multiple of 4."""
    import numpy as np

    dtype = np.dtype(kind)
    end = at + count * dtype.itemsize
    if end > len(numbers):
        raise WeightsCorruptError("The ncnn model is cut short.", _REMEDY)
    return np.frombuffer(numbers, dtype, count, at).astype(np.float32), -(-end // 4) * 4
