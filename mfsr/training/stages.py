"""From a recipe to a finished model: what each stage starts from, trains and leaves behind."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from accelerate import Accelerator

from baselines.dit4sr.network import DiT4SR
from baselines.dit4sr.weights import load_dit, load_exactly, read_folder
from benchmarks.api.errors import ConfigError, UsageError
from benchmarks.api.images import show
from benchmarks.api.seeds import seed_for
from benchmarks.api.tensors import read_safetensors
from mfsr.bundle import (
    BASE,
    NETWORK,
    STUDENT,
    TEXT,
    Model,
    ModelConfig,
    autoencoder_of,
    load_student,
    load_teacher,
    network_sha256,
    save_base,
    save_student,
    save_teacher,
    text_of,
)
from mfsr.field import Field
from mfsr.origin import Origin, of_data, of_weights
from mfsr.student import build_student, refit_time
from mfsr.tiny.base import Base
from mfsr.tiny.network import VelocityUNet
from mfsr.tiny.phrases import PhraseTable
from mfsr.training.base_task import BaseTask, Distance
from mfsr.training.claim import check, claim
from mfsr.training.data import LatentPairs, PhotoPairs, Photos
from mfsr.training.features import load as load_features
from mfsr.training.perceptual import PerceptualLoss, StructureLoss
from mfsr.training.refine_task import Heads, Refined, RefineTask, fake_of
from mfsr.training.student_task import StudentTask
from mfsr.training.teacher_task import TeacherTask
from mfsr.training.trainer import Trainer

if TYPE_CHECKING:
    from baselines.dit4sr.field import Network
    from mfsr.training.recipes import Recipe
    from mfsr.training.settings import Precision, StepReport
    from mfsr.training.tasks import Task

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where a run takes from and puts to."""

    data: tuple[Path, ...]  # folders of photographs, or of latents
    out: Path  # the run's folder
    base: Path | None = None  # SD3.5-medium's pipeline folder, or the small models' base
    teacher: Path | None = None  # stage 2: the teacher's model folder
    student: Path | None = None  # stage 3: the student's model folder
    features: Path | None = None  # stage 3: weights of what the discriminator sees
    captions: Path | None = None  # folder of <stem>.txt
    perceptual: Path | None = None  # stage 0: folder of the weights of LPIPS and DISTS
    start: Path | None = None  # model folder whose weights the trained ones start from
    workers: int = 0  # processes that prepare data


def train(
    recipe: Recipe, sources: Sources, report: Callable[[StepReport], None] = lambda _: None
) -> Path:
    """Run a recipe to its end, or on from its last checkpoint; return the folder of the model.

    Raises:
        ConflictError: the run was begun with another recipe, data, weights or processes.
        DataError: the data cannot be used.
    """
    data = dataset(recipe, sources)
    accelerator = Accelerator(mixed_precision=recipe.trainer.precision)
    origin = origin_of(sources, data, processes=accelerator.num_processes)
    check(sources.out, recipe, origin)
    complete = replace(recipe, model=replace(recipe.model, origin=origin))
    task, finish = build(complete, sources)
    _freeze(task, recipe.trainer.precision)
    trainer = Trainer(
        recipe.trainer, task, data, sources.out, accelerator=accelerator, workers=sources.workers
    )
    if accelerator.is_main_process:
        claim(sources.out, recipe, origin)
    trainer.fit(report)
    folder = sources.out / "model"
    trained = trainer.averaged()
    if accelerator.is_main_process:
        if task.sharded:  # no process holds the whole of it
            _, finish = build(complete, sources)
        finish(folder, trained)
    accelerator.end_training()
    return folder


def origin_of(sources: Sources, data: PhotoPairs | LatentPairs, *, processes: int) -> Origin:
    """Return the identity of all that a run takes from."""
    captions = data.caption_paths() if isinstance(data, PhotoPairs) else []
    return Origin(
        data=of_data(sources.data, data.paths),
        captions=of_data([sources.captions], captions) if sources.captions else None,
        base=of_weights(sources.base) if sources.base else None,
        teacher=of_weights(sources.teacher) if sources.teacher else None,
        student=of_weights(sources.student) if sources.student else None,
        features=of_weights(sources.features) if sources.features else None,
        start=of_weights(sources.start) if sources.start else None,
        processes=processes,
    )


def dataset(recipe: Recipe, sources: Sources) -> PhotoPairs | LatentPairs:
    """Return the training data of a recipe."""
    config, seed = recipe.data, recipe.trainer.seed
    if config.kind == "latents":
        return LatentPairs(sources.data, seed=seed)
    least = config.pool_crop if config.pool else config.crop
    photos = Photos.find(sources.data, least=least, limit=config.unreadable_limit)
    if config.prompts == "files" and sources.captions is None:
        raise UsageError(
            "This recipe pairs each photograph with a caption, and no folder of captions is given.",
            "Give --captions DIR with one <stem>.txt per photograph.",
        )
    pool = sources.out / "pairs" if config.pool else None
    return PhotoPairs(photos, config, seed=seed, captions=sources.captions, pool=pool)


Finish = Callable[[Path, dict[str, torch.Tensor]], None]


def build(recipe: Recipe, sources: Sources) -> tuple[Task, Finish]:
    """Return the task of a recipe, and what writes its trained parameters as a model."""
    stages = {"base": _base, "teacher": _teacher, "mfsr": _student, "refine": _refined}
    return stages[recipe.stage](recipe, sources)


def _base(recipe: Recipe, sources: Sources) -> tuple[Task, Finish]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(recipe.trainer.seed, "initial weights"))
        base = Base(recipe.model.latent.base)
    if sources.start:
        _begin(base, sources.start / BASE)
    task = BaseTask(base, recipe.base, _distances(recipe, sources), seed=recipe.trainer.seed)

    def finish(folder: Path, trained: dict[str, torch.Tensor]) -> None:
        _put(task.module, trained)
        save_base(folder, base, dtype=recipe.trainer.export_dtype)

    return task, finish


def _distances(recipe: Recipe, sources: Sources) -> list[tuple[float, Distance]]:
    """Return the perceptual distances of a base's loss with their weights."""
    if recipe.base.trained == "error":
        return []
    kinds = ((recipe.base.lpips, PerceptualLoss), (recipe.base.dists, StructureLoss))
    wanted = [(weight, kind) for weight, kind in kinds if weight]
    if wanted and sources.perceptual is None:
        raise UsageError(
            "This recipe's loss holds LPIPS and DISTS, and their weights are not given.",
            "Give --perceptual FOLDER, the one of: mfsr-bench weights where lpips@vgg dists@vgg16",
        )
    return [(weight, kind(sources.perceptual)) for weight, kind in wanted if sources.perceptual]


def _begin(module: torch.nn.Module, path: Path) -> None:
    """Start parameters from a file's; those that it lacks, or has in other shapes, start new."""
    found = read_safetensors(path)
    fit = {n: found[n] for n, p in module.named_parameters() if n in found and
           found[n].shape == p.shape}  # fmt: skip
    if not fit:
        raise ConfigError(f"Nothing in {show(path)} fits.", "Give a model of the same stage.")
    _put(module, fit)
    new = [name for name, _ in module.named_parameters() if name not in fit]
    if new:
        logger.warning("%s lacks, or has in other shapes: %s", show(path), ", ".join(new))


def _teacher(recipe: Recipe, sources: Sources) -> tuple[Task, Finish]:
    model = recipe.model
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(recipe.trainer.seed, "initial weights"))
        text = text_of(model.text, sources.base, "cpu")
        network = _network(recipe, sources)
    if sources.start:
        _begin(network, sources.start / NETWORK)
        if isinstance(text, PhraseTable):
            _begin(text, sources.start / TEXT)
    field = Field(network, time_scale=model.time_scale)
    autoencoder = autoencoder_of(model.latent, sources.base, "cpu")
    task = TeacherTask(
        field,
        recipe.flow,
        autoencoder=autoencoder,
        text=text,
        seed=recipe.trainer.seed,
        negative=model.negative,
    )

    def finish(folder: Path, trained: dict[str, torch.Tensor]) -> None:
        _put(task.module, trained)
        teacher = Model(config=model, field=field, text=text, autoencoder=autoencoder)
        save_teacher(folder, teacher, dtype=recipe.trainer.export_dtype)

    return task, finish


def _network(recipe: Recipe, sources: Sources) -> Network:
    """Return the network that a teacher starts from."""
    if recipe.model.unet is not None:
        return VelocityUNet(recipe.model.unet)
    network: DiT4SR = DiT4SR.of(recipe.network)
    if recipe.flow.trained == "control":
        if sources.base is None:
            raise UsageError(
                "This recipe starts from Stable Diffusion 3.5 medium.",
                "Give its pipeline folder with --base.",
            )
        start_from_sd3(network, sources.base / "transformer")
    else:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_for(recipe.trainer.seed, "initial weights of the LR stream"))
            network.init_from_nothing()
    return network


def _student(recipe: Recipe, sources: Sources) -> tuple[Task, Finish]:
    if sources.teacher is None:
        raise UsageError("Stage 2 distils a teacher, and none is given.", "Give --teacher FOLDER.")
    assert recipe.model.student is not None
    teacher = load_teacher(
        sources.teacher,
        base=sources.base,
        default=replace(recipe.model, student=None),
        key_control=recipe.network.key_control,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(recipe.trainer.seed, "initial weights"))
        network = build_student(
            teacher.field.network, recipe.model.student, teacher_scale=teacher.config.time_scale
        )
        if recipe.model.student.time_map != "teacher":
            fit = refit_time(
                network, teacher.field.network, teacher_scale=teacher.config.time_scale
            )
            logger.info("re-fitted time embedding: %s", fit)
    if sources.start:
        _begin(network, sources.start / STUDENT)
    model = _matched(recipe.model, teacher, sources.teacher)
    task = StudentTask(
        Field(network, time_scale=model.time_scale),
        teacher.field,
        recipe.distil,
        autoencoder=teacher.autoencoder,
        text=teacher.text,
        seed=recipe.trainer.seed,
        negative=model.negative,
    )

    def finish(folder: Path, trained: dict[str, torch.Tensor]) -> None:
        named = {name.removeprefix("network."): tensor for name, tensor in trained.items()}
        save_student(folder, model, named, dtype=recipe.trainer.export_dtype)

    return task, finish


def _refined(recipe: Recipe, sources: Sources) -> tuple[Task, Finish]:
    if sources.teacher is None or sources.student is None:
        raise UsageError(
            "Stage 3 refines a student of a teacher, and one of the two is not given.",
            "Give both model folders: --student RUN/model --teacher RUN/model",
        )
    control = recipe.network.key_control
    student = load_student(sources.student, sources.teacher, base=sources.base, key_control=control)
    teacher = load_teacher(
        sources.teacher,
        base=sources.base,
        default=replace(student.config, student=None, teacher_sha256=""),
        key_control=control,
    )
    written = read_safetensors(sources.student / "student.safetensors")
    for name, parameter in student.field.network.named_parameters():
        parameter.requires_grad_(name in written)
    config, adapted = recipe.refine, student.config.student
    assert adapted is not None  # as load_student checks
    features = load_features(config.features, sources.features)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(recipe.trainer.seed, "initial weights"))
        fake = fake_of(teacher.field.network, config.fake_lora_rank, adapted.lora_targets)
        heads = Heads(features.channels, config.head_width)
    scale = student.config.time_scale
    task = RefineTask(
        Refined(student.field, Field(fake, time_scale=scale), heads),
        teacher.field,
        features,
        config,
        autoencoder=student.autoencoder,
        text=student.text,
        seed=recipe.trainer.seed,
        negative=student.config.negative,
    )
    model = replace(student.config, origin=recipe.model.origin)

    def finish(folder: Path, trained: dict[str, torch.Tensor]) -> None:
        prefix = "student.network."
        named = {n.removeprefix(prefix): t for n, t in trained.items() if n.startswith(prefix)}
        save_student(folder, model, named, dtype=recipe.trainer.export_dtype)

    return task, finish


def _matched(model: ModelConfig, teacher: Model, folder: Path) -> ModelConfig:
    """Return the student's configuration bound to its teacher, if the two go together."""
    for name in ("latent", "text", "unet", "time_scale"):
        if getattr(model, name) != getattr(teacher.config, name):
            raise ConfigError(
                f"The recipe's {name} is not the teacher's: {getattr(model, name)} and "
                f"{getattr(teacher.config, name)}.",
                "Use the recipe that the teacher was trained with.",
            )
    return replace(model, teacher_sha256=network_sha256(folder))


def start_from_sd3(network: DiT4SR, folder: Path) -> None:
    """Put pretrained SD3.5 (or DiT4SR) weights into a network whose LR stream is new.

    Raises:
        WeightsCorruptError: the weights are those of another network.
    """
    tensors = read_folder(folder)
    if any("control" in name for name in tensors):
        network.load_state_dict(load_dit(folder).state_dict())
        return
    own = network.state_dict()
    fresh = {name: tensor for name, tensor in own.items() if "control" in name}
    load_exactly(network, {**tensors, **fresh}, folder)
    network.init_lr_stream()


def _freeze(task: Task, precision: Precision) -> None:
    """Keep what is not trained in the dtype that the network computes in, as upstream does."""
    if precision == "no":
        return
    dtype = torch.bfloat16 if precision == "bf16" else torch.float16
    own = [task.teacher] if isinstance(task, StudentTask | RefineTask) else []
    modules = [task.module, *own]
    for parameter in (p for module in modules for p in module.parameters()):
        if not parameter.requires_grad:
            parameter.data = parameter.data.to(dtype)


def _put(module: torch.nn.Module, trained: dict[str, torch.Tensor]) -> None:
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if name in trained:
                parameter.copy_(trained[name])
