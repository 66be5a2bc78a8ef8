from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel

from baselines.sd21.components import embed, load_components, place, resident
from baselines.sd21.weights import PARAMETERS, SD21_BASE, ParameterCounts
from benchmarks.api.errors import WeightsCorruptError

if TYPE_CHECKING:
    from baselines.sd21.components import Components

BaseModel = tuple[Path, ParameterCounts]
FULL_TEXT = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 23,
    "num_attention_heads": 16,
    "hidden_act": "gelu",
}


def test_the_parameter_counts_are_those_of_the_architecture(
    full_size: tuple[torch.nn.Module, torch.nn.Module],
) -> None:
    with torch.device("meta"):
        text = CLIPTextModel(CLIPTextConfig(**FULL_TEXT))
    unet, other = full_size
    for name, part in {"unet": unet, "vae": other, "text_encoder": text}.items():
        assert sum(p.numel() for p in part.parameters()) == getattr(PARAMETERS, name)


def test_the_mirrors_stand_behind_the_removed_home() -> None:
    assert SD21_BASE.repo == "stabilityai/stable-diffusion-2-1-base"
    assert len(SD21_BASE.mirrors) == 3
    assert {file for file, _ in SD21_BASE.sha256} <= set(SD21_BASE.files)


def test_prompts_are_padded_by_the_token_of_the_special_tokens_map(components: Components) -> None:
    """SD 2.1 pads with "!", id 0, although its tokenizer's config says otherwise."""
    tokens = components.tokenizer(["a, b! , ,"], padding="max_length", max_length=77)
    ids = tokens.input_ids[0]
    words = {word: components.tokenizer.convert_tokens_to_ids(word) for word in ("a</w>", ",</w>")}
    assert ids[:3] == [512, words["a</w>"], words[",</w>"]]
    assert ids.count(513) == 1
    assert set(ids[ids.index(513) + 1 :]) == {0}
    assert ids[4] == 0  # a "!" in the prompt becomes the padding token, as upstream has it


def test_an_embedding_is_the_normalised_last_state(components: Components) -> None:
    with torch.inference_mode():
        found = embed(components, ["cat, dog, ,", "x " * 100], "cpu")
        ids = components.tokenizer(
            ["x " * 100], truncation=True, max_length=77, return_tensors="pt"
        ).input_ids
        one = components.text_encoder(ids).last_hidden_state
    assert found.shape == (2, 77, 32)
    torch.testing.assert_close(found[1:], one)


def test_another_size_is_refused(sd21: BaseModel) -> None:
    folder, counts = sd21
    with pytest.raises(WeightsCorruptError, match="parameters where 7 were expected"):
        load_components(folder, replace(counts, vae=7))


def _broken(folder: Path, tmp_path: Path) -> Path:
    shutil.copytree(folder, tmp_path / "broken")
    return tmp_path / "broken"


def test_a_missing_tensor_is_refused_by_name(sd21: BaseModel, tmp_path: Path) -> None:
    folder = _broken(sd21[0], tmp_path)
    file = folder / "unet/diffusion_pytorch_model.safetensors"
    state = load_file(file)
    del state["conv_in.weight"]
    save_file(state, file, {"format": "pt"})
    with pytest.raises(WeightsCorruptError, match=r"missing keys, the first is 'conv_in\.weight'"):
        load_components(folder, sd21[1])


@pytest.mark.parametrize(
    "file", ["unet/config.json", "text_encoder/model.safetensors", "tokenizer/vocab.json"]
)
def test_a_damaged_file_is_refused(sd21: BaseModel, tmp_path: Path, file: str) -> None:
    folder = _broken(sd21[0], tmp_path)
    (folder / file).write_text("{")
    with pytest.raises(WeightsCorruptError, match=f"{Path(file).parent} cannot be read"):
        load_components(folder, sd21[1])


def test_config_of_another_width_is_refused(sd21: BaseModel, tmp_path: Path) -> None:
    folder = _broken(sd21[0], tmp_path)
    config = json.loads((folder / "vae/config.json").read_text())
    config["block_out_channels"] = [16, 16, 32, 64]
    (folder / "vae/config.json").write_text(json.dumps(config))
    with pytest.raises(WeightsCorruptError, match="vae"):
        load_components(folder, sd21[1])


def test_an_offloaded_module_leaves_the_device_again() -> None:
    layer = torch.nn.Linear(2, 2)
    with resident(layer, "meta", offload=False):
        assert layer.weight.device.type == "cpu"
    place(layer, "cpu", torch.float16)
    assert layer.weight.dtype == torch.float16
