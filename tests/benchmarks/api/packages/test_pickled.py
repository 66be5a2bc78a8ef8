"""Pickles of arrays are read; a pickle of anything else is refused and runs nothing."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from benchmarks.api.errors import WeightsCorruptError
from benchmarks.api.packages.pickled import read_arrays

ARRAYS = {"net": {"conv": {"kernel": np.arange(24.0, dtype=np.float32).reshape(1, 2, 3, 4)}}}


class _Runs:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)


@pytest.mark.parametrize(("protocol", "numpy"), [(3, 1), (3, 2), (4, 2)])
def test_arrays_of_either_numpy_are_read(protocol: int, numpy: int) -> None:
    content = pickle.dumps(ARRAYS, protocol=protocol)
    if numpy == 1:
        content = content.replace(b"numpy._core.", b"numpy.core.")
    found = read_arrays(content)
    np.testing.assert_array_equal(
        found["net"]["conv"]["kernel"], ARRAYS["net"]["conv"]["kernel"], strict=True
    )


def _hostile(tmp_path: Path) -> list[bytes]:
    touch = f"touch {tmp_path / 'ran'}"
    return [
        pickle.dumps({"a": _Runs(touch)}),
        pickle.dumps({"a": np.array([_Runs(touch)], dtype=object)}),
        b'cbuiltins\neval\n(S\'open("ran", "w")\'\ntR.',
        b"cnumpy\nload\n.",
        b"cnumpy.core.multiarray\nfromfile\n.",
        b"\x80\x04\x8c\x05numpy\x8c\x0cndarray.dump\x93.",
    ]


@pytest.mark.parametrize("number", range(6))
def test_code_is_refused_and_not_run(tmp_path: Path, number: int) -> None:
    with pytest.raises(WeightsCorruptError, match="not one of arrays"):
        read_arrays(_hostile(tmp_path)[number])
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "value",
    [
        [np.ones(2)],
        {"a": "text"},
        {"a": {1: np.ones(2)}},
        {"a": np.array(["text"])},
        {"a": np.array([{}], dtype=object)},
    ],
)
def test_anything_but_arrays_of_numbers_is_refused(value: object) -> None:
    with pytest.raises(WeightsCorruptError):
        read_arrays(pickle.dumps(value))


def test_damage_is_refused() -> None:
    content = pickle.dumps(ARRAYS)
    for cut in (0, 1, 10, len(content) // 2, len(content) - 1):
        with pytest.raises(WeightsCorruptError):
            read_arrays(content[:cut])


def test_a_dictionary_that_holds_itself_is_refused() -> None:
    endless: dict[str, object] = {}
    endless["a"] = endless
    with pytest.raises(WeightsCorruptError, match="recursion"):
        read_arrays(pickle.dumps(endless))
