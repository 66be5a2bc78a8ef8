"""Official folders are read strictly, and told apart. The network's own values: tests/mfsr."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import small_sd3
import torch
from torch import Tensor

from baselines.dit4sr import weights
from baselines.dit4sr.network import DiT4SR, DiTConfig
from baselines.dit4sr.releases import RELEASES, release
from baselines.dit4sr.weights import load_release
from benchmarks.api.errors import WeightsCorruptError, WeightsMissingError

Tensors = dict[str, Tensor]
_CONTROL = "transformer_blocks.1.attn.to_v_control.weight"


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "SHAPE", DiTConfig(**small_sd3.DIT4SR))


@pytest.mark.parametrize("name", ["q", "f", "r1"])
def test_an_official_folder_loads_whole(tmp_path: Path, name: str) -> None:
    """Mixed precision as upstream saved it: the LR stream in float32, the rest in float16."""
    tensors = {
        key: tensor if "control" in key else tensor.half()
        for key, tensor in small_sd3.dit4sr_tensors(name).items()
    }
    found = load_release(
        small_sd3.write_dit4sr(tmp_path, name, tensors), release(name), torch.float32
    )
    assert found.shape.key_control == ("lr" if name == "r1" else "noise")
    for key, tensor in found.state_dict().items():
        assert torch.equal(tensor, tensors[key].float()), key
    assert {key for key in tensors if key not in found.state_dict()} == {
        key for key in tensors if "attn2.add_" in key or ("to_add_out" in key and "attn2" in key)
        or "attn2.norm_added" in key
    }  # fmt: skip


_WRONG: dict[str, tuple[Callable[[Tensors], object], str]] = {
    "a key is missing": (lambda t: t.pop(_CONTROL), rf"tensor '{_CONTROL}' is missing"),
    "one key more": (
        lambda t: t.update({"transformer_blocks.1.extra": torch.ones(1)}),
        r"tensor 'transformer_blocks\.1\.extra' is unexpected",
    ),
    "another shape": (
        lambda t: t.update({_CONTROL: torch.ones(32, 16)}),
        rf"tensor '{_CONTROL}' has shape \(32, 16\) instead of \(32, 32\)",
    ),
    "plain SD 3.5": (
        lambda t: [t.pop(key) for key in list(t) if "control" in key],
        r"tensor 'transformer_blocks\.0\.attn\.to_k_control\.bias' is missing",
    ),
}


@pytest.mark.parametrize("case", _WRONG)
def test_a_wrong_file_is_refused_with_what_differs(tmp_path: Path, case: str) -> None:
    change, message = _WRONG[case]
    tensors = small_sd3.dit4sr_tensors("q")
    change(tensors)
    with pytest.raises(WeightsCorruptError, match=message):
        load_release(small_sd3.write_dit4sr(tmp_path, "q", tensors), release("q"), torch.float32)


def test_an_untrained_r1_is_refused(tmp_path: Path) -> None:
    folder = small_sd3.write_dit4sr(tmp_path, "q")
    with pytest.raises(WeightsCorruptError) as caught:
        load_release(folder, release("r1"), torch.float32)
    assert "not release r1" in caught.value.cause
    assert "'transformer_blocks.0.attn.to_k_control.weight'" in caught.value.cause
    assert "f or q" in caught.value.remedy


@pytest.mark.parametrize("taken_for", ["q", "f"])
def test_values_without_effect_are_warned_of(
    tmp_path: Path, taken_for: str, caplog: pytest.LogCaptureFixture
) -> None:
    network = load_release(
        small_sd3.write_dit4sr(tmp_path, "r1"), release(taken_for), torch.float32
    )
    assert network.shape.key_control == "noise"
    (record,) = caplog.records
    assert "to_k_control.weight' is not all zeros" in record.getMessage()


def test_a_network_of_another_size_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "SHAPE", DiTConfig())
    folder = small_sd3.write_dit4sr(tmp_path, "q")
    with pytest.raises(WeightsCorruptError, match="another shape than Stable Diffusion 3"):
        load_release(folder, release("q"), torch.float32)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissingError, match=r"config\.json"):
        load_release(tmp_path, release("q"), torch.float32)


def test_the_size_of_the_official_file_is_that_of_the_full_network() -> None:
    """Its 6.6 GB are the LR stream in float32 and the rest in float16, dead tensors included."""
    with torch.device("meta"):
        full = DiT4SR.of(DiTConfig())
    dead = 122_764_928
    control = sum(t.numel() for name, t in full.state_dict().items() if "control" in name)
    others = sum(t.numel() for t in full.state_dict().values()) - control + dead
    header = release("q").bytes - (4 * control + 2 * others)
    assert 100_000 < header < 200_000  # 1383 names and shapes
    assert [found.name for found in RELEASES] == ["q", "f", "r1"]
