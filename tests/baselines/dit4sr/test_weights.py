from __future__ import annotations

import json
from pathlib import Path

import filling
import pytest
import torch
from safetensors.torch import load_file, save_file

from baselines.dit4sr.network import DiT4SR
from baselines.dit4sr.weights import CONFIG, INDEX, WEIGHTS, load_dit, save_dit
from benchmarks.api.errors import WeightsCorruptError, WeightsMissingError


@pytest.fixture
def network() -> DiT4SR:
    network = DiT4SR.of(filling.SMALL).eval()
    filling.fill(network)
    return network


def same(one: DiT4SR, other: DiT4SR) -> bool:
    return all(
        torch.equal(a, b)
        for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    )


def test_a_saved_network_comes_back(network: DiT4SR, tmp_path: Path) -> None:
    save_dit(network, tmp_path)
    assert same(load_dit(tmp_path, key_control="noise"), network)


def test_shards_come_back(network: DiT4SR, tmp_path: Path) -> None:
    save_dit(network, tmp_path, max_shard="20KB")
    assert (tmp_path / INDEX).is_file()
    assert len(list(tmp_path.glob("*.safetensors"))) > 2
    assert same(load_dit(tmp_path), network)


def test_an_official_folder_loads_without_its_dead_tensors(network: DiT4SR, tmp_path: Path) -> None:
    """Official: class name of diffusers, no key_control, dead projections in the file."""
    save_dit(network, tmp_path)
    config = json.loads((tmp_path / CONFIG).read_text())
    del config["key_control"]
    config["_class_name"] = "SD3Transformer2DModel"
    (tmp_path / CONFIG).write_text(json.dumps(config))
    tensors = load_file(tmp_path / WEIGHTS)
    for part in ("add_q_proj", "add_k_proj", "add_v_proj", "to_add_out"):
        tensors[f"transformer_blocks.0.attn2.{part}.weight"] = torch.zeros(16, 16)
        tensors[f"transformer_blocks.0.attn2.{part}.bias"] = torch.zeros(16)
    tensors["transformer_blocks.0.attn2.norm_added_q.weight"] = torch.zeros(8)
    tensors["transformer_blocks.0.attn2.norm_added_k.weight"] = torch.zeros(8)
    save_file(tensors, tmp_path / WEIGHTS)

    loaded = load_dit(tmp_path, key_control="lr")

    assert same(loaded, network)
    assert loaded.config.key_control == "lr"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("drop", "'transformer_blocks.0.attn.to_q_control.weight' is missing"),
        ("add", "'stranger' is unexpected"),
        ("reshape", r"has shape \(16,\) instead of \(16, 16\)"),
    ],
)
def test_any_other_difference_is_named(
    network: DiT4SR, tmp_path: Path, change: str, says: str
) -> None:
    save_dit(network, tmp_path)
    tensors = load_file(tmp_path / WEIGHTS)
    key = "transformer_blocks.0.attn.to_q_control.weight"
    if change == "drop":
        del tensors[key]
    elif change == "add":
        tensors["stranger"] = torch.zeros(1)
    else:
        tensors[key] = tensors[key][0].clone()
    save_file(tensors, tmp_path / WEIGHTS)
    with pytest.raises(WeightsCorruptError, match=says):
        load_dit(tmp_path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"num_layers": "2"}, 'num_layers is "2"; it should be a valid integer'),
        ({"dual_attention_layers": 0}, "dual_attention_layers is 0; it should be a valid array"),
        ({"key_control": "lrr"}, "it should be 'noise' or 'lr'. Did you mean 'lr'"),
        ({"caption_projection_dim": 17}, r"17 is not heads \* head_dim = 16"),
    ],
)
def test_a_configuration_of_wrong_types_is_corrupt(
    network: DiT4SR, tmp_path: Path, change: dict[str, object], says: str
) -> None:
    save_dit(network, tmp_path)
    config = json.loads((tmp_path / CONFIG).read_text())
    (tmp_path / CONFIG).write_text(json.dumps({**config, **change}))
    with pytest.raises(WeightsCorruptError, match=rf"config\.json: .*{says}"):
        load_dit(tmp_path)


@pytest.mark.parametrize(
    ("index", "says"),
    [
        ("[]", r"is \[\]; it should be an object"),
        ('{"weight_map": ["a"]}', "it should be an object"),
        ('{"weight_map": {"a": "../../elsewhere.safetensors"}}', "should match pattern"),
    ],
)
def test_an_index_that_is_none_is_corrupt(
    network: DiT4SR, tmp_path: Path, index: str, says: str
) -> None:
    save_dit(network, tmp_path)
    (tmp_path / INDEX).write_text(index)
    with pytest.raises(WeightsCorruptError, match=says):
        load_dit(tmp_path)


def test_a_truncated_file_is_corrupt(network: DiT4SR, tmp_path: Path) -> None:
    save_dit(network, tmp_path)
    path = tmp_path / WEIGHTS
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsCorruptError, match="cut short"):
        load_dit(tmp_path)


def test_an_empty_folder_is_missing(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissingError, match=r"config\.json"):
        load_dit(tmp_path)


def test_another_release_is_refused(network: DiT4SR, tmp_path: Path) -> None:
    save_dit(network, tmp_path)
    with pytest.raises(WeightsCorruptError, match="made for key_control 'noise', not 'lr'"):
        load_dit(tmp_path, key_control="lr")
