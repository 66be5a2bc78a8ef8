"""Small networks of SeeSR's layers, filled by the rule of the golden file, in official files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import official
import pytest
import torch
from diffusers import AutoencoderKL, ControlNetModel, UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor, nn

from baselines.sd21 import weights as bases
from baselines.seesr import network, restorer, weights
from baselines.seesr.addsr import AddSR
from baselines.seesr.restorer import SeeSR
from benchmarks.api.restorer import Runtime
from benchmarks.api.weights import WeightStore

GOLDEN = official.read(Path(__file__).parent / "golden.json")
KINDS = {"unet": UNet2DConditionModel, "controlnet": ControlNetModel}


class Eye(nn.Module):
    """Stands for the tagger: a projection of the image's average over a grid."""

    def __init__(self) -> None:
        super().__init__()
        self.visual_encoder = SimpleNamespace(image_size=384)
        self.weight = nn.Parameter(official.noise("addsr.fake_ram", 3, 512))
        self.seen: list[Tensor] = []

    def encode(self, image: Tensor) -> Tensor:
        self.seen.append(image)
        grid = nn.functional.adaptive_avg_pool2d(image, (5, 29))
        return grid.flatten(2).transpose(1, 2) @ self.weight


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the two official files of the small networks."""
    folder = tmp_path_factory.mktemp("seesr")
    for name, kind in KINDS.items():
        made = network.build(kind, GOLDEN["config"][name], network.Sight())
        content = official.state(made, GOLDEN["config"]["prefix"][name], network.official)
        (folder / name).mkdir()
        save_file(content, folder / name / weights.FILE)
    return folder


@pytest.fixture
def small_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the loader expect the small networks."""
    monkeypatch.setattr(weights, "UNET", GOLDEN["config"]["unet"])
    monkeypatch.setattr(weights, "CONTROLNET", GOLDEN["config"]["controlnet"])


Load = Callable[..., SeeSR]


@pytest.fixture(scope="module")  # while it lasts, the loader expects the small networks
def load(
    sd21: tuple[Path, Any], files: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Load]:
    """Load SeeSR or AddSR through the real path, once per runtime, with the golden file's VAE."""
    root = tmp_path_factory.mktemp("weights")
    (root / "sd2").mkdir()
    (root / "sd2" / bases.SD2_BASE.name).symlink_to(sd21[0])
    for name in ("seesr", "addsr"):
        (root / name).symlink_to(files)
    (root / "tagger").mkdir()
    for file in ("ram_swin_large_14m.pth", "DAPE.pth"):
        torch.save({}, root / "tagger" / file)

    @cache
    def loaded(kind: type[SeeSR] = SeeSR, **changes: Any) -> SeeSR:
        options = {k.replace("_", "-"): v for k, v in changes.pop("options", ())}
        given = {"dtype": "fp32", "options": options, **changes}
        method = kind.load(Runtime(card=kind.card, weights=WeightStore(root), **given))
        vae = AutoencoderKL(**GOLDEN["config"]["vae"])
        filled = official.fill(vae, GOLDEN["config"]["prefix"]["vae"])
        method._around.vae.load_state_dict(filled.state_dict())
        return method

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(restorer, "PARAMETERS", sd21[1])
        patch.setattr(weights, "UNET", GOLDEN["config"]["unet"])
        patch.setattr(weights, "CONTROLNET", GOLDEN["config"]["controlnet"])
        patch.setattr("baselines.tagger.sight.load_dape", lambda *_: Eye())
        loaded.root = root  # type: ignore[attr-defined]
        yield loaded


@pytest.fixture
def method(load: Load) -> Any:
    """SeeSR in float32."""
    return load()


@pytest.fixture
def addsr(load: Load) -> Any:
    """AddSR in float32."""
    return load(AddSR)
