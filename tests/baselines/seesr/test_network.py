from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import faults
import official
import pytest
import small_networks as small
import torch
from diffusers import ControlNetModel, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from torch import Tensor

from baselines.sd_control.controlled import guided
from baselines.seesr import network, weights
from baselines.seesr.network import SeeSRNetwork
from benchmarks.api.errors import WeightsCorruptError

FOLDER = Path(__file__).parent
GOLDEN = official.read(FOLDER / "golden.json")
TOLERANCE = 1e-5
EMBEDDING = official.noise("seesr.ram", 1, 145, 512)
TEXT = torch.cat([official.noise(f"seesr.{name}", 1, 77, 32) for name in ("neg", "pos")])
Z = official.noise("seesr.z", 1, 4, 16, 24)
HINT = small.lr_picture(128, 192)[None]


@pytest.fixture
def networks(files: Path, small_shapes: None) -> SeeSRNetwork:
    paths = (files / part / weights.FILE for part in weights.PARTS)
    return network.load_network(*paths, torch.float32)


def eps(networks: SeeSRNetwork, timestep: int = 981, embedding: Tensor = EMBEDDING) -> Tensor:
    z, hint = Z.repeat(2, 1, 1, 1), HINT.repeat(2, 1, 1, 1)
    with torch.inference_mode():
        return networks.eps(z, timestep, TEXT, hint, embedding)


def test_residuals_and_eps_are_those_of_the_official_code(networks: SeeSRNetwork) -> None:
    controlnet = networks.controlnet
    modules = {
        "hint_embedding": controlnet.controlnet_cond_embedding,
        "mid": controlnet.controlnet_mid_block,
        **{f"down.{i}": block for i, block in enumerate(controlnet.controlnet_down_blocks)},
    }
    with official.taps(modules) as found:
        found["eps"] = eps(networks)
    assert len(found) == 15
    for name, tensor in found.items():
        official.assert_golden(GOLDEN, name, tensor, TOLERANCE)


def test_text_and_image_transformers_are_those_of_the_official_code(networks: SeeSRNetwork) -> None:
    """The golden taps are those of two runs: the ControlNet at t = 1, the U-Net without it."""
    unet, controlnet = networks.unet, networks.controlnet
    layers = {
        "cn": ("text0", "image0", controlnet.down_blocks[0].attentions[0]),
        "unet_mid": ("text", "image", unet.mid_block.attentions[0]),
        "unet_up1": ("text0", "image0", unet.up_blocks[1].attentions[0]),
    }
    modules = {}
    for name, (text, image, layer) in layers.items():
        modules |= {f"{name}_{text}": layer.first, f"{name}_{image}": layer.second}
    z, hint = Z.repeat(2, 1, 1, 1), HINT.repeat(2, 1, 1, 1)
    networks._sight.embedding = EMBEDDING.repeat(2, 1, 1)
    with torch.inference_mode(), official.taps(modules) as found:
        controlnet(z, 1, TEXT, hint, return_dict=False)
        unet(z, 981, TEXT)
    assert len(found) == 6
    for name, tensor in found.items():
        official.assert_golden(GOLDEN, name, tensor, TOLERANCE)


def bright_eps(networks: SeeSRNetwork, hint: Tensor = HINT) -> Tensor:
    """Return eps in float64 of networks that the hint goes through."""
    z, hint = Z.repeat(2, 1, 1, 1).double(), hint.repeat(2, 1, 1, 1)
    with torch.inference_mode():
        return networks.eps(z, 981, TEXT, hint, EMBEDDING.double())


def test_the_hint_is_taken_as_by_the_official_code(networks: SeeSRNetwork) -> None:
    networks.unet.double(), networks.controlnet.double()
    official.brighten(networks.controlnet)
    official.assert_golden(GOLDEN, "bright.eps", bright_eps(networks), 1e-6)


# The parts of U-Net and ControlNet that a port may get wrong, by the names of their parameters.
_PARTS = {
    **faults.CONVOLUTIONS,
    "text transformers": r"\.first\.",
    "image transformers": r"\.second\.",
}


def test_a_fault_is_seen_hundredfold(networks: SeeSRNetwork, write_golden: bool) -> None:
    right = eps(networks)
    z, hint, context = Z.repeat(2, 1, 1, 1), HINT.repeat(2, 1, 1, 1), EMBEDDING.repeat(2, 1, 1)
    with torch.inference_mode():
        networks._sight.embedding = context
        down, middle = networks.controlnet(z, 981, TEXT, hint, return_dict=False)
        unled = networks.unet(z, 981, TEXT).sample
        networks._sight.embedding = torch.zeros_like(context)
        residuals = {
            "down_block_additional_residuals": down,
            "mid_block_additional_residual": middle,
        }
        blind = networks.unet(z, 981, TEXT, **residuals).sample
    wrong = {
        "t=1 for t=981": eps(networks, 1),
        "no ControlNet residuals": unled,
        "image_embeds set to 0 in the U-Net": blind,
        "negative vs positive row": right.flip(0),
        "no image_embeds": eps(networks, embedding=torch.zeros_like(EMBEDDING)),
        "t=980 for t=981": eps(networks, 980),
    }
    table = {name: faults.change(found, right) for name, found in wrong.items()}

    def small_eps() -> Tensor:
        z, shown = Z[..., :8, :8], HINT[..., :64, :64]
        with torch.inference_mode():
            return networks.eps(z, 981, TEXT[1:], shown, EMBEDDING)

    for network_, what, more in (
        (networks.unet, "of the U-Net", faults.HEAD),
        (networks.controlnet, "of the ControlNet", faults.BRANCH),
    ):
        groups = faults.called(_PARTS | more, what)
        table |= faults.of_weights(small_eps, (network_,), groups)
    official.brighten(networks.controlnet)
    networks.unet.double(), networks.controlnet.double()
    table |= faults.of_hints(partial(bright_eps, networks), HINT)
    faults.check(
        table,
        FOLDER / "sensitivity.csv",
        TOLERANCE,
        official=GOLDEN["sensitivity_max_abs_change_of_eps"],
        write=write_golden,
    )


def test_guidance_is_one_batch_of_the_negative_and_the_positive_prompt() -> None:
    seen = []

    def toy(z: Tensor, timestep: int, text: Tensor, hint: Tensor) -> Tensor:
        seen.append(len(z))
        return z * text[:, :1, :1, None] + hint.mean() * timestep

    z, hint = torch.ones(2, 4, 3, 5), torch.ones(2, 3, 24, 40)
    text = torch.full((2, 77, 8), 2.0), torch.full((2, 77, 8), 3.0)
    found = guided(toy, z, 7, text, hint, 5.5)
    torch.testing.assert_close(found, 9 + 5.5 * (10 - 9) * torch.ones_like(z))
    torch.testing.assert_close(guided(toy, z, 7, text, hint, 1.0), torch.full_like(z, 10))
    assert seen == [4, 2]


_TEXT0 = "down_blocks.0.image_attentions.0.norm.weight"
_WRONG: dict[str, tuple[str, Callable[[dict[str, Tensor]], object], str]] = {
    "a key is missing": ("unet", lambda s: s.pop(_TEXT0), rf"key '{_TEXT0}' is missing \(1099"),
    "a key too many": (
        "controlnet",
        lambda s: s.update(stray=torch.zeros(1)),
        "key 'stray' is not part of the network",
    ),
    "another width": (
        "unet",
        lambda s: s.update({"conv_in.bias": torch.zeros(3)}),
        r"key 'conv_in\.bias' has shape \(3,\) where \(32,\) was expected",
    ),
}


@pytest.mark.parametrize("case", _WRONG)
def test_a_wrong_file_is_refused_with_what_differs(
    files: Path, small_shapes: None, tmp_path: Path, case: str
) -> None:
    part, change, message = _WRONG[case]
    shutil.copytree(files, tmp_path / "wrong")
    path = tmp_path / "wrong" / part / weights.FILE
    content = load_file(path)
    change(content)
    save_file(content, path)
    with pytest.raises(WeightsCorruptError, match=message):
        network.load_network(
            *(tmp_path / "wrong" / p / weights.FILE for p in weights.PARTS), torch.float32
        )


def test_the_u_net_of_a_plain_base_is_refused(
    small_shapes: None, files: Path, tmp_path: Path
) -> None:
    """Either SD2's U-Net has no image transformers: it cannot pass for SeeSR's."""
    plain = UNet2DConditionModel(**GOLDEN["config"]["unet"])
    save_file(plain.state_dict(), tmp_path / "plain.safetensors")
    with pytest.raises(WeightsCorruptError, match=r"image_attentions\.0\.\S+' is missing"):
        network.load_network(
            tmp_path / "plain.safetensors", files / "controlnet" / weights.FILE, torch.float32
        )


def test_a_damaged_file_is_refused(files: Path, small_shapes: None, tmp_path: Path) -> None:
    (tmp_path / "cut").write_bytes((files / "unet" / weights.FILE).read_bytes()[:-9])
    with pytest.raises(WeightsCorruptError, match="cannot be read"):
        network.load_network(tmp_path / "cut", files / "controlnet" / weights.FILE, torch.float32)


def test_networks_are_held_in_the_dtype_of_the_run(files: Path, small_shapes: None) -> None:
    half = network.load_network(*(files / p / weights.FILE for p in weights.PARTS), torch.float16)
    assert {p.dtype for p in half.unet.parameters()} == {torch.float16}


@pytest.mark.parametrize(
    ("kind", "shape", "keys", "parameters"),
    [
        (UNet2DConditionModel, weights.UNET, (1102, 416), 1_126_760_324),
        (ControlNetModel, weights.CONTROLNET, (522, 182), 489_031_440),
    ],
)
def test_keys_and_parameters_at_full_size(
    kind: Any, shape: dict[str, Any], keys: tuple[int, int], parameters: int
) -> None:
    with torch.device("meta"):
        made = network.build(kind, shape, network.Sight())
    names = [network.official(name) for name in made.state_dict()]
    images = {name for name in names if ".image_attentions." in name}
    assert (len(set(names)), len(images)) == keys
    assert sum(p.numel() for p in made.parameters()) == parameters
