"""The loop on real photographs at a size that takes a second: resume, failures, two processes."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from benchmarks.api.errors import (
    ConflictError,
    DataError,
    MFSRBenchError,
    ResourceError,
    WeightsCorruptError,
)
from mfsr.bundle import load_student, load_teacher
from mfsr.training import checkpoint as checkpoints_module
from mfsr.training.checkpoint import checkpoints, load_checkpoint
from mfsr.training.recipes import Recipe, Stage
from mfsr.training.settings import StepReport, TrainerConfig
from mfsr.training.stages import Sources, train
from mfsr.training.student_task import StudentTask
from mfsr.training.teacher_task import TeacherTask

Mini = Callable[[Stage], Recipe]


def lengthened(recipe: Recipe, steps: int) -> Recipe:
    return replace(recipe, trainer=replace(recipe.trainer, steps=steps))


def final(run: Path) -> dict[str, torch.Tensor]:
    newest = checkpoints(run)[-1]
    found = {}
    for part in ("model", "ema", "optimizer"):
        tensors = load_file(newest / f"{part}.safetensors")
        found |= {f"{part} {name}": tensor for name, tensor in tensors.items()}
    return found


def assert_same(one: Path, other: Path) -> None:
    first, second = final(one), final(other)
    assert first.keys() == second.keys()
    assert len(first) > 50
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name


@pytest.fixture(scope="module")
def teacher(mini: Mini, photos: Path, base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four steps of stage 1."""
    run = tmp_path_factory.mktemp("runs") / "teacher"
    recipe = mini("teacher")
    recipe = replace(recipe, trainer=replace(recipe.trainer, sample_every=4))
    train(recipe, Sources(data=(photos,), out=run, base=base))
    return run


def test_stage_1_leaves_a_model_and_a_log(teacher: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    model = load_teacher(teacher / "model")
    assert model.config.unet is not None
    assert len(checkpoints(teacher)) == 2
    events = EventAccumulator(str(teacher / "log")).Reload()
    assert [event.step for event in events.Scalars("loss")] == [1, 2, 3, 4]
    assert events.Tags()["images"]


def test_stage_1_resumes_bit_for_bit(
    mini: Mini, photos: Path, base: Path, teacher: Path, tmp_path: Path
) -> None:
    """Stopped after step 2, then run again: weights, averages and optimiser are the same."""
    sources = Sources(data=(photos,), out=tmp_path / "run", base=base)
    train(lengthened(mini("teacher"), 2), sources)
    seen: list[int] = []
    train(mini("teacher"), sources, lambda progress: seen.append(progress.step))
    assert seen == [3, 4]
    assert_same(tmp_path / "run", teacher)


def test_stage_2_resumes_bit_for_bit(
    mini: Mini, photos: Path, teacher: Path, tmp_path: Path
) -> None:
    runs = tmp_path / "whole", tmp_path / "parts"
    for run, parts in zip(runs, ((4,), (1, 4)), strict=True):
        sources = Sources(data=(photos,), out=run, teacher=teacher / "model")
        for steps in parts:
            train(lengthened(mini("mfsr"), steps), sources)
    assert_same(*runs)
    student = load_student(runs[0] / "model", teacher / "model")
    assert student.config.student is not None


def test_accumulation_is_a_larger_batch(
    mini: Mini, photos: Path, base: Path, tmp_path: Path
) -> None:
    """Two micro-batches of one see the samples of one of two; only the times are drawn anew."""
    losses = []
    for name, batch, accumulate in (("one", 2, 1), ("two", 1, 2)):
        recipe = mini("teacher")
        recipe = replace(
            recipe,
            trainer=replace(recipe.trainer, steps=1, batch=batch, accumulate=accumulate),
        )
        sources = Sources(data=(photos,), out=tmp_path / name, base=base)
        train(recipe, sources, losses.append)
    assert len(losses) == 2
    assert all(progress.loss > 0 for progress in losses)
    model = [load_file(checkpoints(tmp_path / name)[-1] / "model.safetensors") for name in
             ("one", "two")]  # fmt: skip
    assert model[0].keys() == model[1].keys()


def test_a_changed_recipe_is_refused(
    mini: Mini, photos: Path, base: Path, teacher: Path, tmp_path: Path
) -> None:
    recipe = mini("teacher")
    other = replace(recipe, trainer=replace(recipe.trainer, learning_rate=1e-5, log_every=3))
    with pytest.raises(ConflictError, match=r"differs in trainer\.learning_rate\.$"):
        try:
            train(other, Sources(data=(photos,), out=teacher, base=base))
        except ConflictError as error:
            raise ConflictError(error.cause) from None


def test_a_loss_that_is_not_finite_stops_the_run(
    mini: Mini, photos: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = TeacherTask.loss

    def poisoned(self: TeacherTask, model, batch, streams, step):  # type: ignore[no-untyped-def]
        loss, scalars = plain(self, model, batch, streams, step)
        return (loss * float("nan") if step == 3 else loss), scalars

    monkeypatch.setattr(TeacherTask, "loss", poisoned)
    with pytest.raises(MFSRBenchError, match="loss of step 4 is nan.*step-00000002"):
        train(mini("teacher"), Sources(data=(photos,), out=tmp_path / "run", base=base))
    kept = load_file(checkpoints(tmp_path / "run")[-1] / "model.safetensors")
    assert all(tensor.isfinite().all() for tensor in kept.values())


def test_a_full_disk_keeps_the_last_good_checkpoint(
    mini: Mini, photos: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    train(lengthened(mini("teacher"), 2), Sources(data=(photos,), out=run, base=base))
    before = final(run)
    plain = checkpoints_module.save_file

    def full(tensors: dict[str, torch.Tensor], path: Path) -> None:
        if path.name == "optimizer.safetensors":
            raise OSError(28, "No space left on device")
        plain(tensors, path)

    monkeypatch.setattr(checkpoints_module, "save_file", full)
    with pytest.raises(ResourceError, match=r"step 4.*No space left"):
        train(mini("teacher"), Sources(data=(photos,), out=run, base=base))
    assert [path.name for path in (run / "checkpoints").iterdir()] == ["step-00000002"]
    assert all(torch.equal(before[name], tensor) for name, tensor in final(run).items())


@pytest.mark.parametrize("name", ["model", "ema", "optimizer"])
def test_a_checkpoint_that_lacks_a_tensor_is_one_error(
    mini: Mini, photos: Path, base: Path, tmp_path: Path, name: str
) -> None:
    sources = Sources(data=(photos,), out=tmp_path / "run", base=base)
    train(lengthened(mini("teacher"), 2), sources)
    path = tmp_path / "run" / "checkpoints" / "step-00000002" / f"{name}.safetensors"
    _, *others = load_file(path).items()
    save_file(dict(others), path)
    with pytest.raises(WeightsCorruptError, match="is not of this run, or damaged"):
        train(lengthened(mini("teacher"), 4), sources)


def test_what_a_killed_run_was_writing_is_not_a_checkpoint(
    mini: Mini, photos: Path, base: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    half = run / "checkpoints" / ".writing-step-00000002"
    half.mkdir(parents=True)
    (half / "model.safetensors").write_bytes(b"half")
    train(lengthened(mini("teacher"), 2), Sources(data=(photos,), out=run, base=base))
    assert [path.name for path in (run / "checkpoints").iterdir()] == ["step-00000002"]


def test_fewer_photographs_than_a_batch_are_refused(
    mini: Mini, photos: Path, base: Path, tmp_path: Path
) -> None:
    recipe = mini("teacher")
    recipe = replace(recipe, trainer=replace(recipe.trainer, batch=7))
    with pytest.raises(DataError, match="6 samples do not fill a batch of 7"):
        train(recipe, Sources(data=(photos,), out=tmp_path / "run", base=base))


@pytest.mark.parametrize(
    "change",
    [
        {"objective": "split"},
        {"objective": "oftsr"},
        {"velocity": "null"},
        {"velocity": "ground-truth", "derivative": "difference"},
        {"velocity": "meanflow", "w": 1.0, "loss": "mse"},
        {"warmup_equal": 1},
    ],
    ids=lambda change: " ".join(map(str, change.values())),
)
def test_every_objective_and_velocity_trains(
    mini: Mini, photos: Path, teacher: Path, tmp_path: Path, change: dict[str, object]
) -> None:
    recipe = lengthened(mini("mfsr"), 1)
    recipe = replace(recipe, distil=replace(recipe.distil, **change))  # type: ignore[arg-type]
    seen: list[StepReport] = []
    sources = Sources(data=(photos,), out=tmp_path, teacher=teacher / "model")
    train(recipe, sources, seen.append)
    if change == {"warmup_equal": 1}:
        # Text has no influence on this teacher yet, so V_inst = V, which the student already is.
        assert seen[0].loss == pytest.approx(0, abs=1e-4)
        assert math.isnan(seen[0].scalars["apart"])  # there are none
    else:
        assert seen[0].loss > 0
        assert seen[0].scalars["gradient_norm"] > 0


def test_the_teacher_is_not_changed_by_distillation(
    mini: Mini, photos: Path, teacher: Path, tmp_path: Path
) -> None:
    from mfsr.training.stages import build, dataset

    recipe = mini("mfsr")
    sources = Sources(data=(photos,), out=tmp_path, teacher=teacher / "model")
    task, _ = build(recipe, sources)
    assert isinstance(task, StudentTask)
    assert not any(p.requires_grad for p in task.teacher.parameters())
    assert len(dataset(recipe, sources)) == 6  # type: ignore[arg-type]


def test_the_learning_rate_warms_up_and_decays() -> None:
    config = TrainerConfig(steps=100, learning_rate=1.0, warmup=10, schedule="cosine")
    assert config.learning_rate_at(0) == pytest.approx(0.1)
    assert config.learning_rate_at(50) == pytest.approx(0.5)
    assert config.learning_rate_at(100) == pytest.approx(0.0)


@pytest.mark.parametrize(
    "state",
    [
        '{"step": "2", "optimizer": {"param_groups": []}, "scaler": {}}',
        '{"step": 2, "optimizer": {"param_groups": []}}',
        '{"step": 2, "optimizer": [], "scaler": {}}',
        '{"step": 2',
    ],
)
def test_a_damaged_state_is_one_error(teacher: Path, tmp_path: Path, state: str) -> None:
    copy = tmp_path / "step"
    shutil.copytree(checkpoints(teacher)[-1], copy)
    (copy / "state.json").write_text(state)
    with pytest.raises(WeightsCorruptError, match=r"cannot be read: .*state\.json: "):
        load_checkpoint(copy)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"guidence": 2.0}, "unknown key 'guidence'. Did you mean 'guidance'"),
        ({"tile": "16"}, 'tile is "16"'),
        ({"schema": 9}, "schema 9"),
        ({"text": {"kind": "phrase"}}, "Did you mean 'phrases'"),
    ],
)
def test_a_model_card_that_is_none_is_named(
    teacher: Path, tmp_path: Path, change: dict[str, object], says: str
) -> None:
    shutil.copytree(teacher / "model", tmp_path / "model")
    path = tmp_path / "model" / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(WeightsCorruptError, match=rf"model\.json: .*{says}"):
        load_teacher(tmp_path / "model")
