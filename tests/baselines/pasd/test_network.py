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
from diffusers import ControlNetModel
from safetensors.torch import load_file, save_file
from torch import Tensor

from baselines.pasd import network, weights
from baselines.pasd.network import PASDNetwork
from benchmarks.api.errors import WeightsCorruptError

FOLDER = Path(__file__).parent
GOLDEN = official.read(FOLDER / "golden.json")
TOLERANCE = 1e-5
TEXT = torch.cat([official.noise(f"pasd.{name}", 1, 77, 32) for name in ("neg", "pos")])
Z = official.noise("pasd.z", 1, 4, 16, 24).repeat(2, 1, 1, 1)
HINT = small.lr_picture(128, 192)[None].repeat(2, 1, 1, 1)


def read(folder: Path, dtype: torch.dtype = torch.float32) -> PASDNetwork:
    files = folder / weights.UNET_FILE.name, folder / weights.CONTROLNET_FILE.name
    return network.load_network(*files, dtype)


@pytest.fixture
def networks(pasd_files: Path, small_shapes: None) -> PASDNetwork:
    return read(pasd_files)


def scaled(networks: PASDNetwork, factor: float) -> Tensor:
    """Return eps with residuals of the skips times a factor."""
    down, middle = networks.controlnet(Z, 999, TEXT, HINT, return_dict=False)
    down = [factor * residual for residual in down]
    networks._residuals.fill(tuple(down))
    residuals = {"down_block_additional_residuals": down, "mid_block_additional_residual": middle}
    return networks.unet(Z, 999, TEXT, **residuals).sample  # type: ignore[no-any-return]


def test_residuals_and_eps_are_those_of_the_official_code(networks: PASDNetwork) -> None:
    controlnet = networks.controlnet
    modules = {
        "mid": controlnet.controlnet_mid_block,
        **{f"down.{i}": block for i, block in enumerate(controlnet.controlnet_down_blocks)},
    }
    with torch.inference_mode(), official.taps(modules) as found:
        found["eps"] = networks.eps(Z, 999, TEXT, HINT)
    assert len(found) == 14
    for name, tensor in found.items():
        official.assert_golden(GOLDEN, name, tensor, TOLERANCE)
    assert not networks._residuals._left, "every residual has been looked at"


def test_pixel_transformers_are_those_of_the_official_code(networks: PASDNetwork) -> None:
    """The golden taps are those of the run whose residuals were scaled by 1.05."""
    up = networks.unet.up_blocks
    modules = {
        "unet_up0_pixel0": up[0].resnets[0].second,
        "unet_up1_pixel0": up[1].attentions[0].second,
        "unet_up1_pixel2": up[1].attentions[2].second,
        "unet_up3_pixel2": up[3].attentions[2].second,
    }
    with torch.inference_mode(), official.taps(modules) as found:
        scaled(networks, 1.05)
    for name, tensor in found.items():
        official.assert_golden(GOLDEN, name, tensor, TOLERANCE)


def bright_eps(networks: PASDNetwork, hint: Tensor = HINT) -> Tensor:
    """Return eps in float64 of networks that the hint goes through."""
    with torch.inference_mode():
        return networks.eps(Z.double(), 999, TEXT, hint)


def test_the_hint_is_taken_as_by_the_official_code(networks: PASDNetwork) -> None:
    networks.unet.double(), networks.controlnet.double()
    official.brighten(networks.controlnet)
    official.assert_golden(GOLDEN, "bright.eps", bright_eps(networks), 1e-6)


# The parts of U-Net and ControlNet that a port may get wrong, by the names of their parameters.
_PARTS = {
    **faults.CONVOLUTIONS,
    "text transformers": r"attentions(?!.*\.second\.)",
}
_PIXELS = {
    "pixel transformers": r"\.second\.",
    "pixel transformers' queries": r"\.second\..*to_q",
    "pixel transformers' keys": r"\.second\..*to_k",
    "pixel transformers' values": r"\.second\..*to_v",
}


def test_a_fault_is_seen_hundredfold(networks: PASDNetwork, write_golden: bool) -> None:
    def eps(timestep: int = 999, text: Tensor = TEXT) -> Tensor:
        with torch.inference_mode():
            return networks.eps(Z, timestep, text, HINT)

    def small_eps() -> Tensor:
        with torch.inference_mode():
            return networks.eps(Z[:1, :, :8, :8], 999, TEXT[1:], HINT[:1, :, :64, :64])

    right = eps()
    with torch.inference_mode():
        wrong = {
            "t=1 for t=999": eps(1),
            "residuals times 1.05": scaled(networks, 1.05),
            "t=998 for t=999": eps(998),
            "texts exchanged": eps(text=TEXT.flip(0)),
        }
    table = {name: faults.change(found, right) for name, found in wrong.items()}
    as_given = faults.keep(networks.controlnet)
    official.brighten(networks.controlnet)
    networks.unet.double(), networks.controlnet.double()
    table |= faults.of_hints(partial(bright_eps, networks), HINT)
    networks.unet.float(), networks.controlnet.float()
    as_given()
    for network_, what, more in (
        (networks.unet, "of the U-Net", _PIXELS | faults.HEAD),
        (networks.controlnet, "of the ControlNet", faults.BRANCH),
    ):
        table |= faults.of_weights(small_eps, (network_,), faults.called(_PARTS | more, what))
    for block in networks.unet.up_blocks:
        for layer in getattr(block, "attentions", block.resnets):
            layer.second.forward = lambda hidden, **_: (hidden,)
    table["no pixel attention"] = faults.change(eps(), right)
    faults.check(
        table,
        FOLDER / "sensitivity.csv",
        TOLERANCE,
        official=GOLDEN["sensitivity_max_abs_change_of_eps"],
        write=write_golden,
    )


_PIXEL = "up_blocks.0.pixel_attentions.2.norm.bias"
_WRONG: dict[str, tuple[Any, Callable[[dict[str, Tensor]], object], str]] = {
    "a key is missing": (
        weights.UNET_FILE,
        lambda s: s.pop(_PIXEL),
        rf"key '{_PIXEL}' is missing \(995",
    ),
    "the variant with RRDB": (
        weights.CONTROLNET_FILE,
        lambda s: s.update({"controlnet_cond_embedding.preprocesser.0.x": torch.zeros(1)}),
        r"preprocesser\.0\.x' is not part of the network",
    ),
    "the light variant": (
        weights.UNET_FILE,
        lambda s: s.update({"mid_block.attn2_plus.x": torch.zeros(1)}),
        r"attn2_plus\.x' is not part of the network",
    ),
}


@pytest.mark.parametrize("case", _WRONG)
def test_a_file_of_another_variant_is_refused_with_what_differs(
    pasd_files: Path, small_shapes: None, tmp_path: Path, case: str
) -> None:
    file, change, message = _WRONG[case]
    shutil.copytree(pasd_files, tmp_path / "wrong")
    path = tmp_path / "wrong" / file.name
    content = load_file(path)
    change(content)
    save_file(content, path)
    with pytest.raises(WeightsCorruptError, match=message):
        read(tmp_path / "wrong")


def test_keys_and_parameters_at_full_size() -> None:
    with torch.device("meta"):
        unet = network.build(weights.UNET, network.Residuals())
        controlnet = ControlNetModel(**weights.CONTROLNET)
    names = {network.official(name) for name in unet.state_dict()}
    pixels = {name for name in names if ".pixel_attentions." in name}
    assert (len(names), len(pixels), len(controlnet.state_dict())) == (998, 312, 340)
    assert sum(p.numel() for p in unet.parameters()) == 1_107_755_524
    assert sum(p.numel() for p in controlnet.parameters()) == 361_279_120
