from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from benchmarks.api.errors import UsageError, WeightsMissingError
from mfsr.tiny.base import Base, BaseConfig
from mfsr.training.base_task import BaseTask, BaseTrainingConfig, common_error
from mfsr.training.perceptual import PerceptualLoss, StructureLoss
from mfsr.training.recipes import Recipe, Stage, recipe
from mfsr.training.stages import Sources, build
from mfsr.training.tasks import Streams

Mini = Callable[[Stage], Recipe]


def batch() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    hr, lr_up = torch.rand(2, 3, 3, 32, 32, generator=generator)
    return {"hr": hr, "lr_up": lr_up}


def distance(value: float, seen: list[tuple[int, ...]]) -> Callable[..., torch.Tensor]:
    def found(sr: torch.Tensor, hr: torch.Tensor) -> torch.Tensor:
        seen.append(tuple(sr.shape))
        return torch.full((len(sr),), value)

    return found


def test_the_loss_is_l1_one_distance_a_step_the_pattern_and_the_likelihood() -> None:
    one: list[tuple[int, ...]] = []
    other: list[tuple[int, ...]] = []
    config = BaseTrainingConfig(distances_from=1, side=16, samples=2, pattern=3, likelihood=0.1)
    base = Base(BaseConfig(width=8, blocks=(1, 1, 1), channels=4))
    distances = [(0.5, distance(2.0, one)), (0.25, distance(1.0, other))]
    task, data = BaseTask(base, config, distances, seed=0), batch()
    error = data["lr_up"] - data["hr"]
    s = torch.tensor(-3.0)  # log s of an untrained base
    likelihood = (base.project(error) / s.exp()).square().mean() / 2 + s
    plain = error.abs().mean() + 3 * common_error(error) + 0.1 * likelihood
    for step, extra in ((0, 0.0), (1, 2 * 0.25), (2, 2 * 0.5 * 2)):
        loss, _ = task.loss(base, data, Streams(0, step, 0), step)
        torch.testing.assert_close(loss, plain + extra, atol=1e-5, rtol=1e-5)
    assert one == other == [(2, 3, 16, 16)]


def test_a_pattern_is_what_cells_share_and_not_their_brightness() -> None:
    pattern = torch.tensor([0.1, -0.1, -0.1, 0.1]).repeat(16)  # of a cell's lines
    error = pattern.expand(2, 3, 64, 64)
    torch.testing.assert_close(common_error(error), torch.tensor(0.01))
    assert common_error(torch.full((2, 3, 64, 64), 0.3)) < 1e-12
    noise = 0.1 * torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert common_error(noise) < 3e-4  # of .01 / 3 of its luminance


def test_the_expected_error_learns_each_frequency_s_own() -> None:
    torch.manual_seed(0)
    base = Base(BaseConfig(width=8, blocks=(1, 1, 1), channels=4))
    task = BaseTask(base, BaseTrainingConfig(trained="error"), [], seed=0)
    assert {n for n, p in base.named_parameters() if p.requires_grad} == {
        f"error.{name}" for name, _ in base.error.named_parameters()
    }
    optimizer = torch.optim.Adam(base.error.parameters(), 2e-2)
    std = torch.tensor([0.3, 0.1, 0.03, 0.01])
    lr_up = torch.full((4, 3, 32, 32), 0.5)
    for step in range(150):
        rest = torch.einsum(
            "kc,bkhw->bchw", base.frequencies, std[:, None, None] * torch.randn(4, 4, 8, 8)
        )
        data = {"hr": lr_up + torch.nn.functional.pixel_shuffle(rest, 4), "lr_up": lr_up}
        task.loss(base, data, Streams(0, step, 0), step)[0].backward()
        optimizer.step()
        optimizer.zero_grad()
    found = base(lr_up)[1].exp().mean((0, 2, 3))
    torch.testing.assert_close(found, std, rtol=0.1, atol=0)


def test_the_weights_of_the_loss_have_to_be_given(photos: Path, tmp_path: Path) -> None:
    made = recipe("base", "tiny")
    sources = Sources(data=(photos,), out=tmp_path)
    with pytest.raises(UsageError, match="weights are not given"):
        build(made, sources)
    with pytest.raises(WeightsMissingError, match="weights fetch lpips@vgg"):
        build(made, replace(sources, perceptual=tmp_path))


def test_a_base_starts_from_another_where_they_fit(base: Path, photos: Path, mini: Mini) -> None:
    made = mini("base")
    sources = Sources(data=(photos,), out=photos, start=base)
    task, _ = build(made, sources)
    before = load_file(base / "base.safetensors")
    for name, parameter in task.module.named_parameters():
        torch.testing.assert_close(parameter.data, before[name].float())
    small = replace(made.model.latent.base, channels=3)
    latent = replace(made.model.latent, base=small)
    task, _ = build(replace(made, model=replace(made.model, latent=latent)), sources)
    named = dict(task.module.named_parameters())
    assert named["error.2.weight"].shape[0] == 3 and not named["error.2.weight"].any()
    torch.testing.assert_close(named["error.0.weight"].data, before["error.0.weight"].float())


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


@torch.no_grad()
def test_the_structure_loss_is_pyiqas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With weights drawn at random, written as the files of the metric are."""
    from pyiqa.archs.dists_arch import DISTS
    from torchvision.models import vgg16

    from mfsr.training import perceptual

    torch.manual_seed(0)
    plain = vgg16(weights=None)
    with monkeypatch.context() as patch:
        patch.setattr("pyiqa.archs.dists_arch.models.vgg16", lambda **_: plain)
        reference = DISTS(pretrained=False).eval()
    backbone = {f"features.{k}": v for k, v in plain.features.state_dict().items()}
    torch.save(backbone, tmp_path / f"{perceptual._BACKBONE}.pth")
    weights = {"alpha": reference.alpha.data, "beta": reference.beta.data}
    torch.save(weights, tmp_path / f"{perceptual._DISTS}.pth")
    sr, hr = torch.rand(2, 2, 3, 48, 40)
    found = StructureLoss(tmp_path)(sr, hr)
    torch.testing.assert_close(found, reference(sr, hr).flatten(), atol=1e-5, rtol=1e-4)
