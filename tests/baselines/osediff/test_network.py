from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import faults
import official
import peft
import pytest
import small_networks as small
import torch
from torch import Tensor

from baselines import vae
from baselines.osediff import network
from baselines.osediff.network import apply_checkpoint
from baselines.osediff.restorer import TILING
from baselines.sd21.components import embed
from baselines.sd21.one_step import TIMESTEP, predict_x0
from benchmarks.api.errors import WeightsCorruptError
from benchmarks.api.tiling import Tiling, predict_tiled

if TYPE_CHECKING:
    from baselines.sd21.components import Components

FOLDER = Path(__file__).parent
GOLDEN = official.read(FOLDER / "golden.json")
TOLERANCE = 1e-6  # in float64, in which the official code ran too
TILES = Tiling(tile=12, overlap=4)
CASES = {
    "untiled": (small.picture(128, 96), TILING),
    "tiled": (small.picture(192, 128, 0.5), TILES),
}
PROMPT = "cat, dog, ,"

# The parts that a port may get wrong, by the names of their updates.
_UPDATED = {
    "queries": r"to_q\.lora_B",
    "keys": r"to_k\.lora_B",
    "values": r"to_v\.lora_B",
    "outputs of attention": r"to_out\.0\.lora_B",
    "convolutions": r"(?<!_)(conv1|conv2|conv)\.lora_B",
    "shortcuts": r"conv_shortcut\.lora_B",
    "conv_in": r"^conv_in\.lora_B",
    "conv_out": r"^conv_out\.lora_B",
    "projections": r"proj_(in|out)\.lora_B",
    "feed-forward": r"ff\.net\..*lora_B",
    "the encoder's adapter": r"lora_B\.default_encoder",
    "the decoder's adapter": r"lora_B\.default_decoder",
    "the middle's adapter": r"lora_B\.default_others",
}
_UPDATED_OF_VAE = {
    "attention": r"attentions.*lora_B",
    "convolutions": r"resnets.*lora_B",
    "downsamplers": r"downsamplers.*lora_B",
    "conv_in": r"conv_in\.lora_B",
    "conv_out": r"conv_out\.lora_B",
    "quant_conv": r"^quant_conv\.lora_B",
}


def way(
    parts: Components,
    x: Tensor,
    noise: Tensor,
    tiling: Tiling = TILING,
    prompt: str = PROMPT,
    timestep: int = TIMESTEP,
) -> dict[str, Tensor]:
    """Return every checkpoint of the way, computed in the dtype of the networks."""
    x = x.to(parts.vae.dtype)
    with torch.inference_mode():
        text = embed(parts, [prompt], "cpu")
        found = {"text": text, "moments": parts.vae.encode(x).latent_dist.parameters}
        z = found["z"] = vae.encode(parts.vae, x, noise)

        def eps(z: Tensor) -> Tensor:
            prediction: Tensor = parts.unet(z, timestep, encoder_hidden_states=text).sample
            return prediction

        size = (z.shape[-2], z.shape[-1])
        found["eps"] = predict_tiled(lambda tile: eps(tile.crop(z)), size, tiling)
        found["x0"] = predict_x0(z, found["eps"])
        found["image"] = vae.decode(parts.vae, found["x0"])
        found["conv_in"] = parts.unet.conv_in(z)
    return found


@pytest.mark.parametrize("case", CASES)
def test_every_checkpoint_of_the_way_is_that_of_the_official_code(
    components: Components, osediff_file: Path, case: str
) -> None:
    x, tiling = CASES[case]
    noise = official.noise(f"osediff.{case}", 1, 4, x.shape[-2] // 8, x.shape[-1] // 8)
    apply_checkpoint(components, osediff_file)
    components.unet.double(), components.vae.double(), components.text_encoder.double()
    for name, tensor in way(components, x, noise, tiling).items():
        if case == "untiled" or name not in ("text", "conv_in"):
            official.assert_golden(GOLDEN, f"{case}.{name}", tensor, TOLERANCE)


def test_a_fault_is_seen_hundredfold(
    components: Components, osediff_file: Path, monkeypatch: pytest.MonkeyPatch, write_golden: bool
) -> None:
    content = torch.load(osediff_file, weights_only=True)
    monkeypatch.setattr(network, "read_pickle", lambda _: content)
    forget = faults.keep(components.unet, components.vae)
    x, noise = small.picture(64, 64), official.noise("osediff.faults", 1, 4, 8, 8)

    def folded() -> Components:
        """Return the networks with the file's tensors as they are now."""
        forget()
        apply_checkpoint(components, osediff_file)
        return components

    right = way(folded(), x, noise)

    def eps() -> Tensor:
        unet: Any = folded().unet
        with torch.inference_mode():
            return unet(right["z"], TIMESTEP, encoder_hidden_states=right["text"]).sample

    def moments() -> Tensor:
        with torch.inference_mode():
            return folded().vae.encode(x).latent_dist.parameters

    unet, encoder = content["state_dict_unet"], content["state_dict_vae"]
    table = faults.of_weights(
        eps,
        (unet,),
        {f"updates of {name}": pattern for name, pattern in _UPDATED.items()}
        | {"the trained conv_in": r"^conv_in\.base_layer"},
    )
    table |= faults.of_weights(
        moments,
        (encoder,),
        {f"updates of the VAE's {name}": p for name, p in _UPDATED_OF_VAE.items()},
    )
    folded()
    image = partial(way, components, x, noise)
    table |= faults.of_weights(
        lambda: image()["image"],
        (components.vae,),
        {"the encoder": r"^encoder.*conv2\.", "the decoder": r"^decoder.*conv2\."},
    )
    table |= faults.of_weights(
        lambda: image()["image"],
        (components.text_encoder,),
        {"the text encoder": r"self_attn\.v_proj"},
    )
    with faults.put(torch.zeros_like, r"^time_embedding\.linear_2", components.unet):
        table["no time embedding"] = faults.change(image()["image"], right["image"])
    wrong = {
        "t=998 for 999 in the network": way(components, x, noise, timestep=998),
        "t=1 for 999 in the network": way(components, x, noise, timestep=1),
        "a prompt without its end": way(components, x, noise, prompt="cat, dog"),
        "no prompt": way(components, x, noise, prompt=""),
        "the posterior's mean": way(components, x, torch.zeros_like(noise)),
        "the noise turned round": way(components, x, noise.flip(-1)),
        "the image in [0, 1]": way(components, (x + 1) / 2, noise),
        "channels swapped": way(components, x.flip(1), noise),
    }
    table |= {name: faults.change(w["image"], right["image"]) for name, w in wrong.items()}
    small_tiles = (Tiling(tile=6, overlap=2), Tiling(tile=6, overlap=2, symmetric=True))
    low, symmetric = (way(components, x, noise, tiling)["image"] for tiling in small_tiles)
    table["tiles weighed symmetrically"] = faults.change(symmetric, low)
    x0 = predict_x0(right["z"], right["eps"], 998)
    table["t=998 for 999 in the formula"] = faults.change(
        vae.decode(components.vae, x0), right["image"]
    )
    faults.check(table, FOLDER / "sensitivity.csv", TOLERANCE, write=write_golden)


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
    for made, state in (
        (reference.unet, content["state_dict_unet"]),
        (reference.vae, content["state_dict_vae"]),
    ):
        assert not made.load_state_dict(state, strict=False).unexpected_keys
        made.set_adapter(list(made.peft_config))
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
