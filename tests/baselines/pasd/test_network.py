from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import official
import pytest
import small_networks as small
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from baselines.pasd import network, weights
from baselines.pasd.network import PASDNetwork
from benchmarks.api.errors import WeightsCorruptError

GOLDEN = official.read(Path(__file__).parent / "golden.json")
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


def test_a_fault_is_seen_hundredfold(networks: PASDNetwork) -> None:
    """The golden file's table: what each fault changes of eps, by the official code."""
    with torch.inference_mode():
        right = networks.eps(Z, 999, TEXT, HINT)
        wrong = {
            "t=1 for t=999": networks.eps(Z, 1, TEXT, HINT),
            "residuals times 1.05": scaled(networks, 1.05),
        }
        for block in networks.unet.up_blocks:
            for layer in getattr(block, "attentions", block.resnets):
                layer.second.forward = lambda hidden, **_: (hidden,)
        wrong["no pixel attention"] = networks.eps(Z, 999, TEXT, HINT)
    assert wrong.keys() == GOLDEN["sensitivity_max_abs_change_of_eps"].keys()
    for name, found in wrong.items():
        change = float((found - right).abs().max())
        expected = GOLDEN["sensitivity_max_abs_change_of_eps"][name]
        assert change == pytest.approx(expected, rel=0.01), name
        assert change > 100 * TOLERANCE, name


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
    # In a process of its own: what other tests leave in the libraries' classes is not counted.
    code = (
        "import torch\n"
        "from diffusers import ControlNetModel\n"
        "from baselines.pasd import network, weights\n"
        "with torch.device('meta'):\n"
        "    unet = network.build(weights.UNET, network.Residuals())\n"
        "    controlnet = ControlNetModel(**weights.CONTROLNET)\n"
        "names = {network.official(name) for name in unet.state_dict()}\n"
        "pixels = {name for name in names if '.pixel_attentions.' in name}\n"
        "print(len(names), len(pixels), len(controlnet.state_dict()))\n"
        "print(*(sum(p.numel() for p in one.parameters()) for one in (unet, controlnet)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["998 312 340", "1107755524 361279120"]
