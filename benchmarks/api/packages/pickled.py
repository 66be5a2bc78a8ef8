"""Pickles that hold NumPy arrays in plain containers, read without running anything in them."""

from __future__ import annotations

import io
import pickle
from typing import Any

from benchmarks.api.errors import WeightsCorruptError
from benchmarks.api.images import first_line

# What a pickle of arrays names, by NumPy 1 and by NumPy 2: all of it builds arrays, and no more.
_ARRAYS = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
}
_UNREADABLE = (
    pickle.UnpicklingError,
    EOFError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    MemoryError,
    OverflowError,
    RecursionError,  # a dictionary that holds itself
)


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ARRAYS:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return super().find_class(module.replace("numpy.core.", "numpy._core."), name)


def read_arrays(content: bytes) -> dict[str, Any]:
    """Return the arrays of a pickle: a dictionary whose values are arrays or such dictionaries.

    Raises:
        WeightsCorruptError: it is damaged, or holds or names anything but arrays of numbers.
    """
    try:
        found = _ArraysOnly(io.BytesIO(content)).load()
        if isinstance(found, dict):
            _check(found)
    except _UNREADABLE as error:
        raise _refused(first_line(error)) from None
    if not isinstance(found, dict):
        raise _refused(f"it holds {type(found).__name__}, not a dictionary")
    return found


def _check(values: dict[str, Any]) -> None:
    import numpy as np

    for name, value in values.items():
        if not isinstance(name, str):
            raise _refused(f"it has a key of type {type(name).__name__}")
        if isinstance(value, dict):
            _check(value)
        elif not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
            raise _refused(f"'{name}' is not an array of numbers")


def _refused(why: str) -> WeightsCorruptError:
    return WeightsCorruptError(f"The pickle is not one of arrays, so it was not loaded: {why}.")
