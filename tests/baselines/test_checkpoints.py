from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch

from baselines.checkpoints import entry, read_pickle, require_same
from benchmarks.api.errors import WeightsCorruptError


class _Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("run by unpickling",)


@pytest.mark.parametrize("legacy", [False, True])
def test_tensors_and_plain_data_are_read_in_both_formats(tmp_path: Path, legacy: bool) -> None:
    content = {"rank": 4, "names": ["a"], "state": {"w": torch.arange(3.0)}}
    torch.save(content, tmp_path / "x.pkl", _use_new_zipfile_serialization=not legacy)
    found = read_pickle(tmp_path / "x.pkl")
    assert found["rank"] == 4
    assert torch.equal(found["state"]["w"], torch.arange(3.0))


def test_a_file_that_runs_code_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"state": _Harmful()}))
    with pytest.raises(WeightsCorruptError, match=r"x\.pkl cannot be read"):
        read_pickle(tmp_path / "x.pkl")
    assert capsys.readouterr().out == ""


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    torch.save({"w": torch.zeros(10_000)}, tmp_path / "x.pkl")
    whole = (tmp_path / "x.pkl").read_bytes()
    for size in (0, 100, len(whole) // 2):
        (tmp_path / "x.pkl").write_bytes(whole[:size])
        with pytest.raises(WeightsCorruptError, match="cannot be read"):
            read_pickle(tmp_path / "x.pkl")


def test_what_is_not_a_dictionary_is_refused(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "x.pkl")
    with pytest.raises(WeightsCorruptError, match="holds list, not a dictionary"):
        read_pickle(tmp_path / "x.pkl")


def test_an_entry_is_named_when_it_is_missing_or_of_another_type() -> None:
    with pytest.raises(WeightsCorruptError, match=r"x\.pkl: 'rank' is missing where int"):
        entry({}, "rank", int, Path("x.pkl"))
    with pytest.raises(WeightsCorruptError, match="'rank' is str where int"):
        entry({"rank": "4"}, "rank", int, Path("x.pkl"))


def test_the_first_key_that_differs_is_named() -> None:
    found = {"a": torch.zeros(2), "b": torch.zeros(3)}
    require_same(found, {"a": (2,), "b": (3,)}, "x")
    with pytest.raises(WeightsCorruptError, match="x: key 'c' is missing"):
        require_same(found, {"a": (2,), "b": (3,), "c": (1,)}, "x")
    with pytest.raises(WeightsCorruptError, match=r"'b' has shape \(3,\) where \(4,\) was"):
        require_same(found, {"a": (2,), "b": (4,)}, "x")
    with pytest.raises(WeightsCorruptError, match="'b' is not part of the network"):
        require_same(found, {"a": (2,)}, "x")
