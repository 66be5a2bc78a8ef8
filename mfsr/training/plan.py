"""What a recipe would train, and the memory it needs; computed on the meta device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from baselines.dit4sr.field import Network
from baselines.dit4sr.flow_matching import mark_trained
from baselines.dit4sr.network import DiT4SR
from mfsr.student import build_student, lora_layers
from mfsr.tiny.base import Base
from mfsr.tiny.network import VelocityUNet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mfsr.training.recipes import Recipe

_BYTES = {"no": 4, "bf16": 2, "fp16": 2}
_CLIP_TOKENS = 77
_SD3_FACTOR = 8  # pixels per latent pixel, each way
# Attention score matrices that live at once in a forward-mode derivative: scores and
# probabilities, each with its tangent.
_LIVE_SCORES = 4
# Activations of one block while it is recomputed, in widths per token: modulated inputs, q, k, v of
# two attentions, the feed-forward's 4 + 4 + 4, and their gradients.
_BLOCK_WIDTHS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some of the trained parameters."""

    name: str
    tensors: int
    parameters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan:
    """A recipe's size. Memory is per process, in bytes."""

    recipe: Recipe
    network: int  # parameters of the network that computes, adapters included
    trained: tuple[Part, ...]
    without_effect: Part  # LR-stream parameters that this release of DiT4SR never uses
    lora: tuple[str, ...]  # layers that carry an adapter
    memory: dict[str, int]

    @property
    def trained_parameters(self) -> int:
        """How many parameters are trained."""
        return sum(part.parameters for part in self.trained)

    def lines(self) -> list[str]:
        """Return the plan as lines of text."""
        recipe, trainer, student = self.recipe, self.recipe.trainer, self.recipe.model.student
        lines = [
            f"{recipe.stage} --recipe {recipe.name}",
            f"network {self.network:>27,d} parameters",
            f"trained {self.trained_parameters:>27,d} parameters",
            *(f"  {p.name:<22}{p.parameters:>11,d} in {p.tensors} tensors" for p in self.trained),
        ]
        if self.without_effect.tensors:
            lines.append(
                f"  {'left as they are':<22}{self.without_effect.parameters:>11,d} in "
                f"{self.without_effect.tensors} tensors: to_k_control, which releases f and q "
                f"compute and discard"
            )
        if student and self.lora:
            lines.append(f"LoRA of rank {student.lora_rank} on {len(self.lora)} layers")
        lines += [
            f"{trainer.steps:,d} steps of {trainer.batch} x {trainer.accumulate} samples a process",
            "memory per process, GiB (weights and states exact, activations estimated)",
        ]
        for name, size in (*self.memory.items(), ("sum", sum(self.memory.values()))):
            lines.append(f"  {name:<46}{size / 2**30:>8.2f}")
        return lines


def plan(recipe: Recipe) -> TrainingPlan:
    """Return the plan of a recipe."""
    network = _network(recipe)
    named = list(network.named_parameters())
    trained = [(n, p) for n, p in named if p.requires_grad]
    dead = [(n, p) for n, p in named if isinstance(network, Network) and network.is_dead(n)]
    parts = [_part(name, trained, test) for name, test in _PARTS]
    return TrainingPlan(
        recipe=recipe,
        network=sum(p.numel() for _, p in named),
        trained=tuple(part for part in parts if part.tensors),
        without_effect=_part("without effect", dead, lambda _: True),
        lora=tuple(lora_layers(network)),
        memory=_memory(recipe, network, trained),
    )


def _network(recipe: Recipe) -> nn.Module:
    """Return what a recipe trains, marked, without memory for its tensors."""
    model = recipe.model
    with torch.device("meta"):
        if recipe.stage == "base":
            return Base(model.latent.base)
        network = VelocityUNet(model.unet) if model.unet else DiT4SR.of(recipe.network)
        if recipe.stage == "teacher":
            mark_trained(network, recipe.flow)
            return network
        assert model.student is not None
        return build_student(network, model.student, teacher_scale=model.time_scale)


def _is_lr_stream(name: str) -> bool:
    return "control" in name


_PARTS = (
    ("LR stream", _is_lr_stream),
    ("LoRA", lambda name: "lora_" in name and not _is_lr_stream(name)),
    ("end-time embedder", lambda name: ".end_embedder." in name),
    ("start-time embedder", lambda name: "time_text_embed.timestep_embedder." in name),
    (
        "other",
        lambda name: not (
            _is_lr_stream(name) or "lora_" in name or ".end_embedder." in name
            or "time_text_embed.timestep_embedder." in name
        ),
    ),
)  # fmt: skip


def _part(name: str, trained: Sequence[tuple[str, nn.Parameter]], test: object) -> Part:
    assert callable(test)
    chosen = [p for n, p in trained if test(n)]
    return Part(name=name, tensors=len(chosen), parameters=sum(p.numel() for p in chosen))


def _memory(
    recipe: Recipe, network: nn.Module, trained: Sequence[tuple[str, nn.Parameter]]
) -> dict[str, int]:
    half = _BYTES[recipe.trainer.precision]
    learnt = sum(p.numel() for _, p in trained)
    memory = {
        "frozen weights": (sum(p.numel() for p in network.parameters()) - learnt) * half,
        "trained weights, float32": learnt * 4,
        "gradients, float32": learnt * 4,
        "Adam's two moments, float32": learnt * 8,
    }
    if recipe.trainer.ema:
        memory["average of the weights, float32"] = learnt * 4
    if isinstance(network, DiT4SR):
        memory |= _activations(recipe)
    if recipe.stage in ("mfsr", "refine"):
        teacher = sum(p.numel() for n, p in network.named_parameters() if _is_teachers(n))
        memory["teacher, frozen"] = teacher * half
        if recipe.stage == "refine":
            whole = recipe.refine.fake_lora_rank == 0
            memory["fake score (not: features, heads, LoRA)"] = teacher * (16 if whole else half)
        elif isinstance(network, DiT4SR):
            memory |= _scores(recipe)
    return memory


def _tokens(recipe: Recipe) -> int:
    """Return the tokens of a sample in DiT4SR: both streams of the image, and text."""
    side = recipe.data.crop // _SD3_FACTOR // recipe.network.patch_size
    return 2 * side * side + _CLIP_TOKENS + recipe.model.text.t5_tokens


def _activations(recipe: Recipe) -> dict[str, int]:
    trainer, shape = recipe.trainer, recipe.network
    width = shape.num_attention_heads * shape.attention_head_dim
    boundary = trainer.batch * _tokens(recipe) * width * _BYTES[trainer.precision]
    block = boundary * _BLOCK_WIDTHS
    blocks = block if trainer.gradient_checkpointing else shape.num_layers * block
    return {
        "activations kept, at block ends": shape.num_layers * boundary,
        "activations of the blocks being differentiated": blocks,
    }


def _scores(recipe: Recipe) -> dict[str, int]:
    if recipe.distil.objective != "meanflow" or recipe.distil.derivative != "jvp":
        return {}
    tokens = _tokens(recipe)
    scores = recipe.trainer.batch * recipe.network.num_attention_heads * tokens * tokens * 4
    return {"score matrices of the derivative, at most": _LIVE_SCORES * scores}


def _is_teachers(name: str) -> bool:
    return "lora_" not in name and ".end_embedder." not in name
