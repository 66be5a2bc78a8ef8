from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks.api.errors import UsageError, WeightsMissingError
from mfsr.tiny.base import Base, BaseConfig
from mfsr.training.base_task import BaseTask, BaseTrainingConfig
from mfsr.training.perceptual import PerceptualLoss
from mfsr.training.recipes import recipe
from mfsr.training.stages import Sources, build
from mfsr.training.tasks import Streams


def batch() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    hr, lr_up = torch.rand(2, 3, 3, 32, 32, generator=generator)
    return {"hr": hr, "lr_up": lr_up}


def test_the_loss_is_l1_the_perceptual_share_of_its_phase_and_the_likelihood() -> None:
    seen: list[tuple[int, ...]] = []

    def perceptual(sr: torch.Tensor, hr: torch.Tensor) -> torch.Tensor:
        seen.append(tuple(sr.shape))
        return torch.full((len(sr),), 2.0)

    config = BaseTrainingConfig(
        perceptual=0.5, perceptual_from=1, perceptual_late=0.25, perceptual_late_from=2,
        perceptual_side=16, perceptual_samples=2, likelihood=0.1,
    )  # fmt: skip
    base = Base(BaseConfig(width=8, blocks=(1, 1, 1), channels=4))
    task, data = BaseTask(base, config, perceptual, seed=0), batch()
    l1 = (data["lr_up"] - data["hr"]).abs().mean()
    s = torch.tensor(-3.0)  # log s of an untrained base
    plain = l1 + 0.1 * (l1 / s.exp() + s)
    for step, extra in ((0, 0.0), (1, 1.0), (2, 0.5)):
        loss, _ = task.loss(base, data, Streams(0, step, 0), step)
        torch.testing.assert_close(loss, plain + extra, atol=1e-5, rtol=1e-5)
    assert seen == [(2, 3, 16, 16)] * 2


def test_the_weights_of_the_loss_have_to_be_given(photos: Path, tmp_path: Path) -> None:
    made = recipe("base", "tiny")
    sources = Sources(data=(photos,), out=tmp_path)
    with pytest.raises(UsageError, match="weights are not given"):
        build(made, sources)
    with pytest.raises(WeightsMissingError, match="weights fetch lpips@vgg"):
        build(made, replace(sources, perceptual=tmp_path))


@torch.no_grad()
def test_the_perceptual_loss_is_pyiqas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With weights drawn at random, written as the files of the metric are."""
    from pyiqa.archs.lpips_arch import LPIPS
    from torchvision.models import vgg16

    from mfsr.training import perceptual

    torch.manual_seed(0)
    with monkeypatch.context() as patch:
        patch.setattr("pyiqa.archs.lpips_arch.models.vgg16", lambda **_: vgg16(weights=None))
        reference = LPIPS(net="vgg", pretrained=False, pretrained_model_path=None).eval()
    heads = {f"lin{k}.model.1.weight": lin.model[-1].weight.abs_() for k, lin in
             enumerate(reference.lins)}  # fmt: skip
    slices = {k.split(".", 1)[1]: v for k, v in reference.net.state_dict().items()}
    backbone = {f"features.{k}": v for k, v in slices.items()}
    torch.save(backbone, tmp_path / f"{perceptual._BACKBONE}.pth")
    torch.save(heads, tmp_path / f"{perceptual._HEADS}.pth")
    sr, hr = torch.rand(2, 2, 3, 48, 40)
    found = PerceptualLoss(tmp_path)(sr, hr)
    torch.testing.assert_close(found, reference(sr, hr).flatten(), atol=1e-5, rtol=1e-4)
