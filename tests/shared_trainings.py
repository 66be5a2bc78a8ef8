"""Trainings that several processes share: what `test_many_processes.py` launches and compares."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

TESTS = Path(__file__).parent
sys.path.insert(0, str(TESTS))

import filling  # noqa: E402
from accelerate import Accelerator  # noqa: E402
from accelerate.state import AcceleratorState, DistributedType, PartialState  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.utils.data import Dataset  # noqa: E402

from baselines.dit4sr.network import DiT4SR  # noqa: E402
from mfsr.distillation import DistilConfig  # noqa: E402
from mfsr.field import Field  # noqa: E402
from mfsr.student import StudentConfig, build_student  # noqa: E402
from mfsr.training.settings import StepReport, TrainerConfig  # noqa: E402
from mfsr.training.stages import Sources, _freeze, train  # noqa: E402
from mfsr.training.student_task import StudentTask  # noqa: E402
from mfsr.training.trainer import Trainer  # noqa: E402

_spec = importlib.util.spec_from_file_location("setup", TESTS / "mfsr" / "conftest.py")
assert _spec is not None and _spec.loader is not None
_setup = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_setup)

SAMPLES = 2  # of an optimiser step, whoever takes them


class Latents(Dataset[dict[str, Any]]):
    """Latents and text of four photographs that never were."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, number: int) -> dict[str, Any]:
        item = f"{number % 4}"
        shapes = {"x": (4, 8, 8), "z_lr": (4, 8, 8), "text": (5, 12), "pooled": (10,)}
        made = {name: filling.stream(name + item, *shape) for name, shape in shapes.items()}
        return {**made, "prompt": "", "number": number}


class Words(nn.Module):
    """The embedding of every prompt."""

    def embed(self, prompts: list[str]) -> tuple[Tensor, Tensor]:
        text, pooled = filling.stream("negative", 1, 5, 12), filling.stream("other", 1, 10)
        return text.repeat(len(prompts), 1, 1), pooled.repeat(len(prompts), 1)


def distil(run: Path, *, batch: int, steps: int, precision: str = "no") -> list[StepReport]:
    """Train a small DiT4SR's student as the paper does: LoRA, JVP, recomputed activations."""
    config = TrainerConfig(
        steps=steps, batch=batch, accumulate=1, precision=precision, learning_rate=1e-3,  # type: ignore[arg-type]
        gradient_checkpointing=True, sample_every=0, checkpoint_every=2,
    )  # fmt: skip
    teacher = DiT4SR.of(replace(filling.SMALL, key_control="noise")).requires_grad_(False)
    filling.fill(teacher)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        student = build_student(teacher, StudentConfig(lora_rank=2), teacher_scale=1000.0)
    task = StudentTask(
        Field(student), Field(teacher), DistilConfig(w=0.5), autoencoder=None,  # type: ignore[arg-type]
        text=Words(), seed=0, negative="",
    )  # fmt: skip
    _freeze(task, config.precision)
    fresh()
    accelerator = Accelerator(mixed_precision=config.precision)
    trainer = Trainer(config, task, Latents(), run, accelerator=accelerator)
    reports: list[StepReport] = []
    trainer.fit(reports.append)
    return reports


def small(stage: Any, sources: Sources, *, batch: int, steps: int, ema: float = 0.9) -> None:
    """Train a stage of the small models, at the tests' size."""
    recipe = _setup.mini_recipe(stage)
    trainer = replace(recipe.trainer, batch=batch, steps=steps, ema=ema)
    train(replace(recipe, trainer=trainer), sources)


def fresh() -> None:
    """Forget accelerate's last choices. It refuses to shard on processors; torch does not."""
    AcceleratorState._reset_state()
    if os.environ.get("ACCELERATE_USE_FSDP") == "true":
        PartialState._shared_state["distributed_type"] = DistributedType.MULTI_GPU


def together(folder: Path, photos: Path, base: Path) -> None:
    """DDP: the paper's student, a teacher, and one that one process began."""
    distil(folder / "student", batch=SAMPLES // 2, steps=2)
    fresh()
    for run, steps in (("two", 2), ("one then two", 4)):
        sources = Sources(data=(photos,), out=folder / run, base=base)
        small("teacher", sources, batch=SAMPLES // 2, steps=steps)


def sharded(folder: Path, photos: Path, base: Path) -> None:
    """FSDP2: the paper's student, one that one process began, and a teacher to its end."""
    distil(folder / "two", batch=SAMPLES // 2, steps=2)
    distil(folder / "one then two", batch=SAMPLES // 2, steps=4)
    distil(folder / "bf16", batch=SAMPLES // 2, steps=2, precision="bf16")
    os.environ["FSDP_TRANSFORMER_CLS_TO_WRAP"] = "_Block"  # the small network's
    fresh()
    sources = Sources(data=(photos,), out=folder / "teacher", base=base)
    small("teacher", sources, batch=SAMPLES // 2, steps=2, ema=0.0)


if __name__ == "__main__":
    torch.set_num_threads(1)
    Accelerator.end_training = lambda self: None  # type: ignore[method-assign]  # others follow
    given = [Path(path) for path in sys.argv[1:4]]
    together(given[0] / "ddp", *given[1:])
    os.environ.update(json.loads(sys.argv[4]))  # the launch file's
    sharded(given[0] / "fsdp", *given[1:])
    torch.distributed.destroy_process_group()
