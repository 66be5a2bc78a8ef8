"""Small networks of PASD's layers, filled by the rule of the golden file, in official files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import official
import pytest
import torch
from diffusers import AutoencoderKL, ControlNetModel
from safetensors.torch import save_file

from baselines.pasd import network, weights
from baselines.pasd.restorer import PASD
from benchmarks.api.restorer import Runtime
from benchmarks.api.weights import WeightStore

GOLDEN = official.read(Path(__file__).parent / "golden.json")
PREFIX = GOLDEN["config"]["prefix"]


@pytest.fixture(scope="session")
def pasd_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the two official files of the small networks, the training's tensors too."""
    folder = tmp_path_factory.mktemp("pasd")
    unet = network.build(GOLDEN["config"]["unet"], network.Residuals())
    controlnet = ControlNetModel(**GOLDEN["config"]["controlnet"])
    led = official.state(controlnet, PREFIX["controlnet"])
    for index, channels in enumerate((32, 96, 256)):
        name = f"controlnet_cond_embedding.to_rgbs.{index}"
        led |= {f"{name}.weight": torch.ones(3, channels, 3, 3), f"{name}.bias": torch.ones(3)}
    contents = {
        weights.UNET_FILE: official.state(unet, PREFIX["unet"], network.official),
        weights.CONTROLNET_FILE: led,
    }
    for file, content in contents.items():
        path = folder / file.name
        path.parent.mkdir()
        save_file(content, path)
    assert [len(content) for content in contents.values()] == list(
        GOLDEN["config"]["keys"].values()
    )
    return folder


@pytest.fixture
def small_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the loader expect the small networks."""
    monkeypatch.setattr(weights, "UNET", GOLDEN["config"]["unet"])
    monkeypatch.setattr(weights, "CONTROLNET", GOLDEN["config"]["controlnet"])


@pytest.fixture(scope="module")  # while it lasts, the loader expects the small networks
def load(
    sd21: tuple[Path, Any], pasd_files: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., PASD]]:
    """Load PASD through the real path, once per runtime, with the golden file's VAE."""
    root = tmp_path_factory.mktemp("weights")
    (root / "pasd").mkdir()
    (root / "pasd" / weights.SD15.name).symlink_to(sd21[0])
    for part in ("unet", "controlnet"):
        (root / "pasd" / part).symlink_to(pasd_files / part)

    @cache
    def loaded(options: tuple[tuple[str, str], ...] = (), **changes: Any) -> PASD:
        given = {"dtype": "fp32", "options": dict(options), **changes}
        method = PASD.load(Runtime(card=PASD.card, weights=WeightStore(root), **given))
        vae = official.fill(AutoencoderKL(**GOLDEN["config"]["vae"]), PREFIX["vae"])
        method._around.vae.load_state_dict(vae.state_dict())
        return method

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weights, "PARAMETERS", sd21[1])
        patch.setattr(weights, "UNET", GOLDEN["config"]["unet"])
        patch.setattr(weights, "CONTROLNET", GOLDEN["config"]["controlnet"])
        loaded.root = root  # type: ignore[attr-defined]
        yield loaded
