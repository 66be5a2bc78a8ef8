from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from baselines.checkpoints import (
    entry,
    load_strictly,
    read_pickle,
    read_tensors,
    require_same,
)
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
    """In torch's own words the remedy would be to run it after all."""
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps({"state": _Harmful()}))
    with pytest.raises(WeightsCorruptError, match=r"x\.pkl is not a file that torch\.save"):
        read_pickle(path)
    for new in (True, False):
        torch.save({"state": _Harmful()}, path, _use_new_zipfile_serialization=new)
        with pytest.raises(WeightsCorruptError, match=r"holds more than tensors") as caught:
            read_pickle(path)
        assert "weights_only" not in str(caught.value)
    assert capsys.readouterr().out == ""


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    torch.save({"w": torch.zeros(10_000)}, tmp_path / "x.pkl")
    whole = (tmp_path / "x.pkl").read_bytes()
    for size in (0, 100, len(whole) // 2):
        (tmp_path / "x.pkl").write_bytes(whole[:size])
        with pytest.raises(WeightsCorruptError, match="is empty|is cut short"):
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


@pytest.fixture
def tensors() -> dict[str, Tensor]:
    return {"weight": torch.ones(2, 3), "bias": torch.zeros(2)}


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_wrapping_and_prefix(
    wrapped: bool, prefix: str, tensors: dict[str, Tensor], tmp_path: Path
) -> None:
    named = {prefix + name: tensor for name, tensor in tensors.items()}
    torch.save({"params_ema": named, "iter": 3} if wrapped else named, tmp_path / "x.pth")
    found = read_tensors(tmp_path / "x.pth", wrapper="params_ema")
    assert list(found) == ["weight", "bias"]
    assert all(torch.equal(found[name], tensors[name]) for name in found)


@pytest.mark.parametrize("content", [{"params_ema": 3}, {"epoch": 3, "weight": torch.ones(2)}])
def test_what_holds_no_tensors_by_name_is_refused(
    content: dict[str, object], tmp_path: Path
) -> None:
    torch.save(content, tmp_path / "x.pth")
    with pytest.raises(WeightsCorruptError):
        read_tensors(tmp_path / "x.pth", wrapper="params_ema")


def test_loading_into_an_empty_network(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    with torch.device("meta"):
        linear = nn.Linear(3, 2)
    given = {**tensors, "weight": tensors["weight"].half(), "index": torch.zeros(1)}
    load_strictly(linear, given, tmp_path / "x.pth", constants={"index"})
    assert linear.weight.dtype == torch.float32
    assert linear(torch.ones(1, 3)).tolist() == [[3, 3]]
    assert not linear.training
    with pytest.raises(WeightsCorruptError, match="x.pth: key 'index' is not part of the network"):
        load_strictly(linear, given, tmp_path / "x.pth")
