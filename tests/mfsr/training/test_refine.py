"""Stage 3 at a size that takes a second, and its losses against what they must be."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from benchmarks.api.errors import (
    ConfigError,
    ConflictError,
    UnknownNameError,
    UsageError,
    WeightsMissingError,
)
from mfsr.bundle import load_student
from mfsr.refinement import (
    RefineConfig,
    discriminator_loss,
    distillation_gradient,
    generator_loss,
)
from mfsr.training import features
from mfsr.training.checkpoint import checkpoints
from mfsr.training.recipes import Recipe, Stage, recipe
from mfsr.training.refine_task import Heads
from mfsr.training.settings import StepReport
from mfsr.training.stages import Sources, build, dataset, train
from mfsr.training.tasks import Streams

Mini = Callable[[Stage], Recipe]


@pytest.fixture(scope="module")
def models(
    mini: Mini, photos: Path, base: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """Model folders of a teacher and of its student, of two steps each."""
    root = tmp_path_factory.mktemp("runs")

    def trained(stage: Stage, **more: Path) -> Path:
        short = mini(stage)
        short = replace(short, trainer=replace(short.trainer, steps=2))
        return train(short, Sources(data=(photos,), out=root / stage, **more))

    teacher = trained("teacher", base=base)
    return teacher, trained("mfsr", teacher=teacher)


def sources(photos: Path, models: tuple[Path, Path], out: Path) -> Sources:
    return Sources(data=(photos,), out=out, teacher=models[0], student=models[1])


def test_it_runs_resumes_bit_for_bit_and_moves_all_it_trains(
    mini: Mini, photos: Path, models: tuple[Path, Path], tmp_path: Path
) -> None:
    made = mini("refine")
    reports: list[StepReport] = []
    whole = sources(photos, models, tmp_path / "whole")
    folder = train(made, whole, reports.append)
    assert [report.step for report in reports] == [1, 2, 3, 4]
    for part in ("vsd", "gan", "fake_score", "discriminator"):
        values = [report.scalars[part] for report in reports]
        assert all(torch.isfinite(torch.tensor(values)))
        assert len(set(values)) == 4, part
    parts = sources(photos, models, tmp_path / "parts")
    train(replace(made, trainer=replace(made.trainer, steps=2)), parts)
    train(made, parts)
    for name in ("model", "ema", "optimizer"):
        one, other = (
            load_file(checkpoints(run.out)[-1] / f"{name}.safetensors") for run in (whole, parts)
        )
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one)
    early, late = (load_file(path / "model.safetensors") for path in checkpoints(whole.out))
    for part in ("student.", "fake.", "heads."):
        moved = [not torch.equal(early[key], late[key]) for key in early if key.startswith(part)]
        assert sum(moved) > 0.8 * len(moved) > 0, part
    before, after = (load_file(path / "student.safetensors") for path in (models[1], folder))
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[key], after[key]) for key in before)
    refined = load_student(folder, models[0])
    assert refined.config.origin is not None
    assert refined.config.origin.student is not None


def test_the_student_that_it_began_with_is_recorded(
    mini: Mini, photos: Path, models: tuple[Path, Path], tmp_path: Path
) -> None:
    made = mini("refine")
    made = replace(made, trainer=replace(made.trainer, steps=1))
    given = sources(photos, models, tmp_path / "run")
    folder = train(made, given)
    origin = json.loads((tmp_path / "run/origin.json").read_text())
    assert origin["student"]["sha256"] != origin["teacher"]["sha256"]
    with pytest.raises(ConflictError, match="Student: .* then, .* now"):
        train(made, replace(given, student=folder))


def test_each_part_of_the_loss_reaches_its_own_network_alone(
    mini: Mini, photos: Path, models: tuple[Path, Path], tmp_path: Path
) -> None:
    """Of the sum's gradient, each network has that of its own part."""
    made = mini("refine")

    def gradients(**changes: float) -> dict[str, Tensor]:
        given = replace(made, refine=replace(made.refine, **changes))
        task, _ = build(given, sources(photos, models, tmp_path))
        data = dataset(given, sources(photos, models, tmp_path))
        sample = [data[number] for number in (0, 1)]
        batch = {
            key: torch.stack([one[key] for one in sample])
            if isinstance(sample[0][key], Tensor)
            else [one[key] for one in sample]
            for key in sample[0]
        }
        loss, _ = task.loss(task.module, batch, Streams(0, 0, 0), 0)
        torch.autograd.backward(loss)
        named = task.module.named_parameters()
        return {name: p.grad.clone() for name, p in named if p.grad is not None}

    full, without = gradients(), gradients(gan_weight=0.0)
    assert {name.partition(".")[0] for name in full} == {"student", "fake", "heads"}
    for name, gradient in full.items():
        same = torch.equal(gradient, without[name])
        assert same != (name.startswith("student.") and bool(gradient.any())), name


def test_both_folders_are_asked_for(mini: Mini, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="one of the two is not given"):
        train(mini("refine"), Sources(data=(photos,), out=tmp_path / "run"))


def test_distillation_leads_to_the_teachers_data() -> None:
    """Data of N(2, s^2) against results of N(0, s^2), with both velocities in closed form."""
    generator = torch.Generator().manual_seed(0)
    z = 0.5 * torch.randn(4000, 1, 1, 1, generator=generator)
    variance = 0.25

    def velocity(points: Tensor, tau: Tensor, mean: float) -> Tensor:
        """E[eps - x | z_tau] of data N(mean, variance) under the straight path."""
        t = tau.view(-1, 1, 1, 1)
        total = (1 - t) ** 2 * variance + t**2
        rest = points - (1 - t) * mean
        return t * rest / total - (mean + (1 - t) * variance * rest / total)

    for _ in range(60):
        held = z.detach()
        tau = RefineConfig(features="seeded").sample_tau(len(held), generator)
        noise = torch.randn(held.shape, generator=generator)
        points = (1 - tau.view(-1, 1, 1, 1)) * held + tau.view(-1, 1, 1, 1) * noise
        fake = velocity(points, tau, float(held.mean()))
        real = velocity(points, tau, 2.0)
        gradient = distillation_gradient(held, points, tau, real, fake, scaled=False)
        z = z - 0.2 * gradient
    assert float(z.mean()) == pytest.approx(2.0, abs=0.05)
    assert float(distillation_gradient(held, points, tau, real, real, scaled=True).abs().max()) == 0


@pytest.mark.parametrize("kind", ["softplus", "hinge"])
def test_the_two_sides_pull_logits_apart_and_together(kind: str) -> None:
    real, fake = (torch.tensor([value], requires_grad=True) for value in (0.3, -0.2))
    discriminator_loss(real, fake, kind).backward()  # type: ignore[arg-type]
    assert real.grad is not None and fake.grad is not None
    assert float(real.grad) < 0 < float(fake.grad)
    fake.grad = None
    generator_loss(fake, kind).backward()  # type: ignore[arg-type]
    assert float(fake.grad) < 0  # type: ignore[arg-type]


def test_seeded_features_are_the_same_everywhere_and_heads_can_be_frozen() -> None:
    image = torch.rand(2, 3, 16, 24, generator=torch.Generator().manual_seed(1)).requires_grad_()
    one, other = (features.load("seeded", None) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one(image), other(image), strict=True))
    assert [tuple(found.shape[1:]) for found in one(image)] == [(16, 8, 12), (32, 4, 6), (64, 2, 3)]
    heads = Heads(one.channels, 8)
    heads.frozen(one(image)).sum().backward()
    assert image.grad is not None and image.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in heads.parameters())
    assert torch.equal(heads.frozen(one(image)), heads(one(image)))


def test_features_by_name_and_folder(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="dinov3"):
        features.load("dinov", None)
    with pytest.raises(WeightsMissingError, match="DINOv3's features") as error:
        features.load("dinov3", None)
    assert "--features FOLDER" in error.value.remedy
    with pytest.raises(ConfigError, match="have no weights"):
        features.load("seeded", tmp_path)


def test_dinov3_gives_maps_of_its_patches(tmp_path: Path) -> None:
    from transformers import DINOv3ViTConfig, DINOv3ViTModel

    config = DINOv3ViTConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=4, num_attention_heads=2,
        patch_size=16, num_register_tokens=4,
    )  # fmt: skip
    DINOv3ViTModel(config).save_pretrained(tmp_path)
    made = features.load("dinov3", tmp_path)
    image = torch.rand(2, 3, 32, 50).requires_grad_()
    maps = made(image)
    assert made.channels == (32,) * 4
    assert [tuple(one.shape) for one in maps] == [(2, 32, 2, 3)] * 4
    sum(one.sum() for one in maps).backward()  # type: ignore[union-attr]
    assert image.grad is not None and image.grad.abs().sum() > 0


def test_settings_that_refine_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="both 0"):
        RefineConfig(gan_weight=0.0, vsd_weight=0.0)
    with pytest.raises(ValueError, match="not a range"):
        RefineConfig(tau_low=0.9, tau_high=0.5)
    assert recipe("refine", "paper").refine.features == "dinov3"
