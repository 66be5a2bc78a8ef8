"""The package's methods, with small models trained for a moment standing in for the weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import small_networks as small
import small_sd3
import torch

from baselines.dit4sr.releases import SD35
from baselines.dit4sr.weights import load_dit
from baselines.sd3.text import SD3TextEncoders
from benchmarks import registry
from benchmarks.api.errors import ConfigError, WeightsCorruptError, WeightsMissingError
from benchmarks.api.restorer import LRBatch, LRFile, Restorer, Runtime
from benchmarks.api.tiling import Tiling
from benchmarks.api.weights import WeightStore
from mfsr import bundle, restorer
from mfsr.bundle import ModelConfig, TextConfig, network_sha256, save_student
from mfsr.student import StudentConfig, into_student
from mfsr.training.recipes import Recipe, Stage
from mfsr.training.stages import Sources, train

Mini = Callable[[Stage], Recipe]


@pytest.fixture(scope="module")
def weights(mini: Mini, photos: Path, base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A teacher and its student in the layout of the package."""
    root = tmp_path_factory.mktemp("weights")
    for stage, folder in (("teacher", "teacher"), ("mfsr", "student")):
        recipe = mini(stage)  # type: ignore[arg-type]
        recipe = replace(recipe, trainer=replace(recipe.trainer, steps=3))
        out = root / "runs" / stage
        given = {"base": base} if stage == "teacher" else {"teacher": root / "teacher"}
        sources = Sources(data=(photos,), out=out, **given)  # type: ignore[arg-type]
        train(recipe, sources).rename(root / folder)
    return root


@pytest.fixture
def tiny(weights: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Restorer]:
    monkeypatch.setattr(restorer, "TINY", weights)
    monkeypatch.setattr(restorer.DiT4SRTiny, "folder", weights / "teacher")
    monkeypatch.setattr(restorer.MFSRTiny, "folder", weights / "student")

    def load(name: str, **options: str) -> Restorer:
        kind = registry.restorer(name)
        return kind.load(Runtime(card=kind.card, options=options))

    return load


def lr_batch(count: int = 2, height: int = 15, width: int = 22) -> LRBatch:
    images = torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(0))
    names = tuple(f"image{i}" for i in range(count))
    return LRBatch(images=images, ids=names, seeds=tuple(range(7, 7 + count)))


@pytest.mark.parametrize(
    ("name", "steps"), [("mfsr-tiny", 1), ("mfsr-tiny", 3), ("dit4sr-tiny", 2)]
)
def test_an_image_is_the_same_alone_and_in_a_batch(
    tiny: Callable[..., Restorer], name: str, steps: int
) -> None:
    method = tiny(name)
    batch = lr_batch()
    both = method.restore(batch, steps=steps)
    assert both.shape == (2, 3, 60, 88)
    alone = LRBatch(images=batch.images[1:], ids=batch.ids[1:], seeds=batch.seeds[1:])
    torch.testing.assert_close(method.restore(alone, steps=steps)[0], both[1], atol=1e-4, rtol=0)
    assert torch.equal(method.restore(batch, steps=steps), both)
    other = replace(batch, seeds=(1, 2))
    assert not torch.equal(method.restore(other, steps=steps), both)
    assert method.pop_stages()["network"] > 0


def test_the_shipped_models_fit_the_package_and_their_cards() -> None:
    files = [file for file in restorer.TINY.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < 25e6
    kinds = {name: registry.restorer(name) for name in ("mfsr-tiny", "dit4sr-tiny")}
    models = {name: kind.load(Runtime(card=kind.card)) for name, kind in kinds.items()}
    card, teacher = kinds["dit4sr-tiny"].card, models["dit4sr-tiny"]
    assert isinstance(teacher, restorer.DiT4SRTiny)
    assert float(card.options[0].default) == teacher.model.config.guidance
    assert sum(p.numel() for p in teacher.model.field.parameters()) == 950_152
    for name, model in models.items():
        assert model.restore(lr_batch(1), steps=1).shape == (1, 3, 60, 88), name


def test_the_default_is_one_step_for_the_student_and_sixteen_for_the_teacher() -> None:
    assert restorer.MFSRTiny.card.default_steps == restorer.MFSR.card.default_steps == 1
    assert restorer.DiT4SRTiny.card.default_steps == 16
    assert restorer.DiT4SRTiny.card.nfe_per_step == 2


def test_guidance_is_an_option_that_counts(tiny: Callable[..., Restorer]) -> None:
    batch = lr_batch(1)
    plain = tiny("dit4sr-tiny", guidance="1").restore(batch, steps=2)
    guided = tiny("dit4sr-tiny", guidance="9").restore(batch, steps=2)
    assert not torch.equal(plain, guided)
    with pytest.raises(ConfigError, match="guidance is 'much'"):
        tiny("dit4sr-tiny", guidance="much")


def test_a_student_of_another_teacher_is_refused(
    tiny: Callable[..., Restorer], weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    other = shutil.copytree(weights / "teacher", tmp_path / "teacher")
    file = other / "network.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    monkeypatch.setattr(restorer.DiT4SRTiny, "folder", other)
    with pytest.raises(WeightsCorruptError, match="was made from a teacher with sha256"):
        tiny("mfsr-tiny")


@pytest.fixture(scope="module")
def mfsr_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights folder with a small MFSR and all that it stands on, where their cards say."""
    root = tmp_path_factory.mktemp("weights")
    folder = root / "mfsr"
    base = folder / SD35.name
    small_sd3.write_base(base)
    small_sd3.write_text(base)
    teacher = small_sd3.write_dit4sr(folder / "dit4sr", "q")
    config = ModelConfig(
        text=TextConfig(t5_tokens=9),
        positive="sharp",
        student=StudentConfig(lora_rank=2),
        teacher_sha256=network_sha256(teacher),
    )
    student = into_student(
        load_dit(teacher / "transformer", key_control="noise"),
        StudentConfig(lora_rank=2),
        teacher_scale=1000.0,
    )
    trained = {name: p for name, p in student.named_parameters() if p.requires_grad}
    save_student(folder, config, small.filled(trained, "mfsr."))
    return root


def mfsr(root: Path, patch: pytest.MonkeyPatch, cache: Path) -> restorer.MFSR:
    patch.setenv("MFSR_BENCH_CACHE", str(cache))
    patch.setattr(restorer.MFSR, "tiling", Tiling(tile=32, overlap=8))  # as wide as it can look
    card = restorer.MFSR.card
    return restorer.MFSR.load(Runtime(card=card, weights=WeightStore(root), dtype="fp32"))


def test_mfsr_restores_from_the_files_that_its_card_names(
    mfsr_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = mfsr(mfsr_files, monkeypatch, tmp_path)
    lr = LRBatch(
        images=small.lr_picture(128, 128)[None], ids=("a",), seeds=(7,), prompts=("a cat",)
    )
    sr = method.restore(lr)
    assert sr.shape == (1, 3, 512, 512) and sr.isfinite().all()
    assert not torch.equal(method.restore(replace(lr, prompts=("a dog",))), sr)
    assert not torch.equal(method.restore(replace(lr, seeds=(8,))), sr)


def test_mfsr_loads_the_text_encoders_once_for_all_images(
    mfsr_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = mfsr(mfsr_files, monkeypatch, tmp_path)
    loads: list[list[str]] = []
    compute = SD3TextEncoders._compute

    def counted(self: SD3TextEncoders, prompts: list[str]) -> None:
        loads.append(prompts)
        compute(self, prompts)

    monkeypatch.setattr(SD3TextEncoders, "_compute", counted)
    files = [
        LRFile(id=name, path=tmp_path / name, seed=1, prompt=f"a {name}") for name in ("cat", "dog")
    ]
    method.begin("set", files, seed=0)
    for file in files:
        images = small.lr_picture(128, 128)[None]
        method.restore(LRBatch(images=images, ids=(file.id,), seeds=(1,), prompts=(file.prompt,)))
    assert loads == [["a cat sharp", "a dog sharp"]]


def test_mfsr_keeps_one_network_in_memory(
    mfsr_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    load = bundle.load_dit

    def kept(*args: object, **changes: object) -> object:
        made.append(load(*args, **changes))  # type: ignore[arg-type]
        return made[-1]

    monkeypatch.setattr(bundle, "load_dit", kept)
    assert mfsr(mfsr_files, monkeypatch, tmp_path).model.field.network is made[0]


def test_mfsr_without_weights_says_how_to_make_them(tmp_path: Path) -> None:
    kind = registry.restorer("mfsr")
    with pytest.raises(WeightsMissingError) as caught:
        kind.load(Runtime(card=kind.card, weights=WeightStore(tmp_path)))
    assert "No weights of 'mfsr' were published" in caught.value.cause
    assert "mfsr-bench train mfsr --recipe paper" in caught.value.remedy
    assert str(tmp_path / "mfsr" / "student.safetensors") in caught.value.remedy


def test_a_small_model_that_is_not_installed_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restorer.MFSRTiny, "folder", tmp_path / "student")
    kind = registry.restorer("mfsr-tiny")
    with pytest.raises(WeightsMissingError, match="'mfsr-tiny' are not in"):
        kind.load(Runtime(card=kind.card))


def test_another_student_of_ones_own_lies_beside_the_first(tmp_path: Path) -> None:
    options = {"student": "null-w6"}
    card = restorer.MFSR.card.with_weights_for(options)
    names = [weight.name for weight in card.weights]
    assert names[:2] == ["null-w6/student.safetensors", "null-w6/model.json"]
    runtime = Runtime(card=restorer.MFSR.card, weights=WeightStore(tmp_path), options=options)
    with pytest.raises(WeightsMissingError) as caught:
        restorer.MFSR.load(runtime)
    assert str(tmp_path / "mfsr/null-w6/student.safetensors") in caught.value.remedy
    plain = [weight.name for weight in restorer.MFSR.card.with_own_names().weights]
    assert plain[:2] == ["student.safetensors", "model.json"]
    with pytest.raises(ConfigError, match="leaves its folder"):
        restorer.MFSR.card.with_weights_for({"student": "../../elsewhere"})


def test_first_contact(rehearse: Any, mfsr_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restorer.MFSR, "tiling", Tiling(tile=32, overlap=8))
    rehearse.method("mfsr", mfsr_files, options=("--prompts", "none"))
