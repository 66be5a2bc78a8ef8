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
from mfsr.student import StudentConfig
from mfsr.tiny.prompts import MFSR_NEGATIVE, POSITIVE, VOCABULARY
from mfsr.training.data import DataConfig
from mfsr.training.settings import TrainerConfig

if TYPE_CHECKING:
    from collections.abc import Callable

Stage = Literal["teacher", "mfsr"]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Recipe:
    """One stage of training, completely."""

    name: str
    stage: Stage
    model: ModelConfig  # of the model that results
    network: DiTConfig  # stage 1: the network that is trained; stage 2: its teacher's
    data: DataConfig
    trainer: TrainerConfig
    flow: FlowMatchingConfig = field(default_factory=FlowMatchingConfig)  # stage 1
    distil: DistilConfig = field(default_factory=DistilConfig)  # stage 2


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


_TINY_WIDTH, _TINY_HEADS, _TINY_LAYERS = 96, 3, 4


def teacher_tiny() -> Recipe:
    """dit4sr-tiny: DiT4SR's classes at 1.5 million parameters, from nothing, on a CPU.

    A token is 8 x 8 pixels, 192 numbers, more than the network is wide: it predicts the mean and
    variance of each (`mfsr.field`). Its time input is 10 sigma, so that the student can keep the
    embedder as it is (time map "teacher") and its time derivative stays small.
    """
    latent = LatentConfig(kind="pixel", factor=8)
    channels = 3 * latent.factor**2
    return Recipe(
        name="tiny",
        stage="teacher",
        model=ModelConfig(
            latent=latent,
            text=TextConfig(kind="phrases", vocabulary=VOCABULARY, width=64, pooled=64, length=12),
            prediction="gaussian",
            time_scale=10.0,
            tile=16,
            overlap=4,
            positive=POSITIVE,
            negative=MFSR_NEGATIVE,
            guidance=1.1,
            shift=1.0,
        ),
        network=DiTConfig(
            sample_size=16,
            patch_size=1,
            in_channels=channels,
            out_channels=2 * channels,  # mean and log variance
            num_layers=_TINY_LAYERS,
            num_attention_heads=_TINY_HEADS,
            attention_head_dim=_TINY_WIDTH // _TINY_HEADS,
            joint_attention_dim=64,
            caption_projection_dim=_TINY_WIDTH,
            pooled_projection_dim=64,
            pos_embed_max_size=16,
            dual_attention_layers=(),
            key_control="lr",
        ),
        data=DataConfig(
            crop=128,
            prompts="words",
            null_share=0.05,
            negative_share=0.15,
            pool=2000,
            pool_crop=256,
        ),
        trainer=TrainerConfig(
            steps=4000,
            batch=8,
            learning_rate=1e-3,
            betas=(0.9, 0.99),
            weight_decay=0.01,
            warmup=200,
            ema=0.999,
            precision="no",
            log_every=10,
            sample_every=400,
            checkpoint_every=100,
            export_dtype="fp16",
        ),
        flow=FlowMatchingConfig(density="logit-normal", shift=2.0, trained="all"),
    )


def mfsr_tiny() -> Recipe:
    """mfsr-tiny: the student of dit4sr-tiny."""
    teacher = teacher_tiny()
    return replace(
        teacher,
        stage="mfsr",
        model=replace(
            teacher.model, student=StudentConfig(lora_rank=32, lora_alpha=32, time_map="teacher")
        ),
        data=replace(teacher.data, null_share=0.0, negative_share=0.0),
        trainer=replace(
            teacher.trainer, steps=800, batch=8, learning_rate=3e-4, warmup=100, ema=0.995
        ),
        distil=DistilConfig(w=0.1),
    )


RECIPES: dict[tuple[Stage, str], Callable[[], Recipe]] = {
    ("teacher", "paper"): teacher_paper,
    ("teacher", "tiny"): teacher_tiny,
    ("mfsr", "paper"): mfsr_paper,
    ("mfsr", "tiny"): mfsr_tiny,
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
