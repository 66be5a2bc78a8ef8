"""Named, complete training configurations: the paper's, and the small models'.

A recipe is all that decides a run's numbers beside the data and the weights it starts from. What
the papers leave open is set here or by the defaults of `TrainerConfig`, `FlowMatchingConfig`,
`DistilConfig`, `StudentConfig` and `DataConfig`; docs/training.md lists each such choice with its
reason.
"""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING, Literal

from pydantic.dataclasses import dataclass

from baselines.dit4sr.flow_matching import FlowMatchingConfig
from baselines.dit4sr.network import DiTConfig
from baselines.dit4sr.prompts import DIT4SR_ADDED, DIT4SR_NEGATIVE
from benchmarks.api.documents import STRICT
from benchmarks.api.errors import ConfigError
from mfsr.bundle import LatentConfig, ModelConfig, TextConfig
from mfsr.distillation import DistilConfig
from mfsr.refinement import RefineConfig
from mfsr.student import StudentConfig
from mfsr.tiny.base import BaseConfig
from mfsr.tiny.network import UNetConfig
from mfsr.tiny.prompts import MFSR_NEGATIVE, NEGATIVE, POSITIVE, VOCABULARY
from mfsr.training.base_task import BaseTrainingConfig
from mfsr.training.data import DataConfig
from mfsr.training.settings import TrainerConfig

if TYPE_CHECKING:
    from collections.abc import Callable

Stage = Literal["base", "teacher", "mfsr", "refine"]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Recipe:
    """One stage of training, completely."""

    name: str
    stage: Stage
    model: ModelConfig  # of the model that results
    data: DataConfig
    trainer: TrainerConfig
    network: DiTConfig = field(default_factory=DiTConfig)  # DiT4SR's; the small one is the model's
    base: BaseTrainingConfig = field(default_factory=BaseTrainingConfig)  # stage 0, small models
    flow: FlowMatchingConfig = field(default_factory=FlowMatchingConfig)  # stage 1
    distil: DistilConfig = field(default_factory=DistilConfig)  # stage 2
    refine: RefineConfig = field(default_factory=RefineConfig)  # stage 3


def teacher_paper() -> Recipe:
    """DiT4SR: SD3.5-medium with a trained LR stream, on 8 GPUs.

    Its training script: AdamW 5e-5, weight decay 0.01, clip 1, warm-up 500, batch 8 x 8, empty
    prompts 20 %, 77 T5 tokens. Its length is not given; 100 000 steps are ours.
    """
    return Recipe(
        name="paper",
        stage="teacher",
        model=ModelConfig(
            text=TextConfig(kind="sd3", t5_tokens=77),
            positive=DIT4SR_ADDED,
            negative=DIT4SR_NEGATIVE,
        ),
        network=DiTConfig(key_control="noise"),
        data=DataConfig(crop=512, added_prompt=DIT4SR_ADDED, null_share=0.2),
        trainer=TrainerConfig(
            steps=100_000,
            batch=8,
            weight_decay=1e-2,
            warmup=500,
            precision="bf16",
            gradient_checkpointing=True,
            checkpoint_every=1000,
        ),
        flow=FlowMatchingConfig(),
    )


def mfsr_paper() -> Recipe:
    """MFSR: 12 000 steps of Adam at 5e-5, batch 80 = 8 x 10, Eq. 11 with w = 6, LoRA of rank 64."""
    return Recipe(
        name="paper",
        stage="mfsr",
        model=replace(teacher_paper().model, negative=MFSR_NEGATIVE, student=StudentConfig()),
        network=DiTConfig(key_control="noise"),
        data=DataConfig(crop=512, added_prompt=DIT4SR_ADDED),
        trainer=TrainerConfig(
            steps=12_000, batch=10, precision="bf16", gradient_checkpointing=True
        ),
        distil=DistilConfig(),
    )


def base_tiny() -> Recipe:
    """The small models' base: a convolutional restoration, by L1, LPIPS and DISTS."""
    base = BaseConfig()
    return Recipe(
        name="tiny",
        stage="base",
        model=ModelConfig(
            latent=LatentConfig(kind="residual", base=base),
            text=TextConfig(kind="phrases", vocabulary=VOCABULARY, pooled=32),
            unet=UNetConfig(channels=base.channels, condition=base.condition),
            time_scale=10.0,
            tile=192,
            overlap=48,
            positive=POSITIVE,
            negative=NEGATIVE,
            guidance=1.25,
            shift=1.0,
        ),
        data=DataConfig(
            crop=96,
            prompts="none",
            degradation="camera",
            sharpen_target=False,
            pool=3200,
            pool_crop=160,
        ),
        trainer=TrainerConfig(
            steps=3350,
            batch=8,
            learning_rate=7e-4,
            betas=(0.9, 0.99),
            warmup=100,
            ema=0.999,
            precision="no",
            log_every=10,
            sample_every=0,
            checkpoint_every=100,
            export_dtype="fp16",
        ),
    )


def teacher_tiny() -> Recipe:
    """dit4sr-tiny: a U-Net on what the base leaves, from nothing, on a CPU.

    Its time input is 10 sigma, so that the student can keep the embedder as it is (time map
    "teacher") and its time derivative stays small.
    """
    base = base_tiny()
    return replace(
        base,
        stage="teacher",
        data=replace(base.data, prompts="words", null_share=0.05, negative_share=0.3),
        trainer=replace(base.trainer, steps=5500, learning_rate=1e-3),
        flow=FlowMatchingConfig(density="logit-normal", shift=1.5, trained="all"),
    )


def mfsr_tiny() -> Recipe:
    """mfsr-tiny: the student of dit4sr-tiny, trained whole."""
    teacher = teacher_tiny()
    return replace(
        teacher,
        stage="mfsr",
        model=replace(teacher.model, student=StudentConfig(lora_targets=(), time_map="teacher")),
        data=replace(teacher.data, null_share=0.0, negative_share=0.0),
        trainer=replace(teacher.trainer, steps=1500, learning_rate=4e-4, ema=0.995),
        distil=DistilConfig(w=0.25),
    )


def refine_paper() -> Recipe:
    """SMFSR's second stage on DiT4SR's size; length and rate are ours, the paper's are not known.

    One optimiser step moves student, fake score and discriminator; a tenth of stage 2's learning
    rate, since a student that restores already is to be kept.
    """
    student = mfsr_paper()
    return replace(
        student,
        stage="refine",
        trainer=replace(student.trainer, steps=10_000, batch=2, learning_rate=5e-6),
    )


def refine_tiny() -> Recipe:
    """The same at the size of the small models, with random features: a trial of the machinery."""
    student = mfsr_tiny()
    return replace(
        student,
        stage="refine",
        trainer=replace(student.trainer, steps=300, learning_rate=5e-5),
        refine=RefineConfig(features="seeded", fake_lora_rank=0, vsd_w=1.0),
    )


RECIPES: dict[tuple[Stage, str], Callable[[], Recipe]] = {
    ("teacher", "paper"): teacher_paper,
    ("base", "tiny"): base_tiny,
    ("teacher", "tiny"): teacher_tiny,
    ("mfsr", "paper"): mfsr_paper,
    ("mfsr", "tiny"): mfsr_tiny,
    ("refine", "paper"): refine_paper,
    ("refine", "tiny"): refine_tiny,
}


def recipe(stage: Stage, name: str) -> Recipe:
    """Return a recipe by name.

    Raises:
        ConfigError: no such recipe.
    """
    found = RECIPES.get((stage, name))
    if found is None:
        known = ", ".join(other for kind, other in RECIPES if kind == stage)
        raise ConfigError(f"No recipe '{name}' for {stage}.", f"Recipes: {known}")
    return found()
