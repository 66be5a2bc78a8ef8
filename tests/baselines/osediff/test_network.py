from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import peft
import pytest
import small_networks as small
import torch
from torch import Tensor

from baselines import vae
from baselines.osediff.network import apply_checkpoint
from baselines.sd21.components import embed
from baselines.sd21.one_step import TIMESTEP, predict_x0
from benchmarks.api.errors import WeightsCorruptError
from benchmarks.api.tiling import Tiling, predict_tiled

if TYPE_CHECKING:
    from baselines.sd21.components import Components

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text())
CASES = {
    "untiled": (small.picture(128, 96), Tiling(tile=96, overlap=32)),
    "tiled": (small.picture(192, 128, 0.5), Tiling(tile=12, overlap=4)),
}


@pytest.mark.parametrize("case", CASES)
def test_every_checkpoint_of_the_way_is_that_of_the_official_code(
    components: Components, osediff_file: Path, case: str
) -> None:
    x, tiling = CASES[case]
    x, golden = x.double(), GOLDEN[case]
    apply_checkpoint(components, osediff_file)
    components.unet.double(), components.vae.double(), components.text_encoder.double()
    noise = torch.randn(
        4, x.shape[-2] // 8, x.shape[-1] // 8, generator=torch.Generator().manual_seed(7)
    )
    with torch.inference_mode():
        text = embed(components, ["cat, dog, ,"], "cpu")
        found = {"text": text, "moments": components.vae.encode(x).latent_dist.parameters}
        z = found["z"] = vae.encode(components.vae, x, noise[None])

        def eps(z: Tensor) -> Tensor:
            prediction: Tensor = components.unet(z, TIMESTEP, encoder_hidden_states=text).sample
            return prediction

        size = (z.shape[-2], z.shape[-1])
        found["eps_joined"] = predict_tiled(lambda tile: eps(tile.crop(z)), size, tiling)
        found["x0"] = predict_x0(z, found["eps_joined"])
        found["image"] = vae.decode(components.vae, found["x0"])
        if case == "untiled":
            found["conv_in"] = components.unet.conv_in(z)
    for name, tensor in found.items():
        small.assert_golden(golden, name, tensor, atol=1e-4)


@pytest.mark.filterwarnings("ignore:Already found a `peft_config` attribute")  # as upstream does it
def test_the_folded_networks_are_those_that_peft_builds(
    components: Components, osediff_file: Path
) -> None:
    """The reference follows upstream's loader: adapters beside the weights, nothing folded.

    In float64, where the two orders of adding differ by nothing but rounding on any machine.
    """
    reference = copy.deepcopy(components)
    content = torch.load(osediff_file, weights_only=True)
    groups = ("encoder", "decoder", "others")
    for group in groups:
        _add_adapter(reference.unet, f"default_{group}", content[f"unet_lora_{group}_modules"])
    _add_adapter(reference.vae, "default_encoder", content["vae_lora_encoder_modules"])
    for network, state in (
        (reference.unet, content["state_dict_unet"]),
        (reference.vae, content["state_dict_vae"]),
    ):
        assert not network.load_state_dict(state, strict=False).unexpected_keys
        network.set_adapter(list(network.peft_config))
    for part in (components, reference):
        part.unet.double(), part.vae.double()
    apply_checkpoint(components, osediff_file)
    z = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0)).double()
    text = torch.randn(1, 77, 32, generator=torch.Generator().manual_seed(1)).double()
    x = small.picture(32, 40).double()
    with torch.inference_mode():
        found, expected = (
            [part.unet(z, TIMESTEP, encoder_hidden_states=text).sample, part.vae.encoder(x)]
            for part in (components, reference)
        )
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-11)


def _add_adapter(network: Any, name: str, layers: list[str]) -> None:
    network.add_adapter(
        peft.LoraConfig(r=4, target_modules=layers, init_lora_weights="gaussian"), name
    )


_ATTENTION = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q.lora_A.default_others.weight"
_WRONG: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "no trained conv_in": (
        lambda c: c["state_dict_unet"].pop("conv_in.base_layer.bias"),
        r"state_dict_unet: key 'conv_in\.base_layer\.bias' is missing",
    ),
    "a key is missing": (
        lambda c: c["state_dict_unet"].pop(_ATTENTION),
        rf"key '{_ATTENTION}' is missing \(515 keys, 516 expected\)",
    ),
    "another rank": (
        lambda c: c.update(rank_vae=8),
        r"state_dict_vae: key 'encoder\.conv_in\.lora_A\.default_encoder\.weight' has shape "
        r"\(4, 3, 3, 3\) where \(8, 3, 3, 3\) was expected",
    ),
    "one key more": (
        lambda c: c["state_dict_vae"].update(stray=torch.zeros(1)),
        "key 'stray' is not part of the network",
    ),
    "no rank": (lambda c: c.pop("rank_unet"), "'rank_unet' is missing where int was expected"),
    "another base model": (
        lambda c: c["unet_lora_others_modules"].append("mid_block.attentions.1.proj_in"),
        r"does not have: 'mid_block\.attentions\.1\.proj_in'",
    ),
}


@pytest.mark.parametrize("case", _WRONG)
def test_a_wrong_file_is_refused_with_what_differs(
    components: Components, osediff_file: Path, tmp_path: Path, case: str
) -> None:
    change, message = _WRONG[case]
    content = torch.load(osediff_file, weights_only=True)
    change(content)
    torch.save(content, tmp_path / "wrong.pkl")
    with pytest.raises(WeightsCorruptError, match=message):
        apply_checkpoint(components, tmp_path / "wrong.pkl")


def test_keys_and_sizes_at_full_size(full_size: tuple[Any, Any]) -> None:
    shapes = small.osediff_shapes(*full_size)
    assert {name: len(state) for name, state in shapes.items()} == {
        "state_dict_unet": 518,
        "state_dict_vae": 64,
    }
    unet, other = shapes["state_dict_unet"], shapes["state_dict_vae"]
    conv_in = {key for key in unet if "base_layer" in key}
    assert sum(torch.Size(unet[key]).numel() for key in conv_in) == 11_840
    assert sum(torch.Size(unet[key]).numel() for key in set(unet) - conv_in) == 4_055_712
    assert sum(torch.Size(shape).numel() for shape in other.values()) == 369_356
    layers = small.osediff_layers(*full_size)
    assert {key: len(names) for key, names in layers.items()} == {
        "vae_lora_encoder_modules": 65,
        "unet_lora_encoder_modules": 94,
        "unet_lora_decoder_modules": 148,
        "unet_lora_others_modules": 16,
    }


def test_a_full_size_file_is_what_the_loader_expects(full_size: tuple[Any, Any]) -> None:
    """The loader's own expectation, from the lists in the file, equals the official key set."""
    from baselines.lora import expected_shapes

    unet, other = full_size
    lists, shapes = small.osediff_layers(unet, other), small.osediff_shapes(unet, other)
    found: dict[str, tuple[int, ...]] = {}
    for group in ("encoder", "decoder", "others"):
        names = lists[f"unet_lora_{group}_modules"]
        found |= expected_shapes(unet, names, f"default_{group}", 4)
    lora = {k: v for k, v in shapes["state_dict_unet"].items() if "lora" in k}
    assert found == lora
    names = lists["vae_lora_encoder_modules"]
    assert expected_shapes(other, names, "default_encoder", 4) == shapes["state_dict_vae"]
