"""The rule that fills weights and inputs in golden tests, and a run that takes a second."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from mfsr.dit import DiTConfig
from mfsr.recipes import Recipe, Stage, recipe


def stream(name: str, *shape: int) -> Tensor:
    """N(0, 1) numbers that depend on the name and the shape alone."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(zlib.crc32(name.encode())))


def fill(module: nn.Module) -> None:
    """Norm gains 1 + 0.1 n, other vectors 0.1 n, matrices n / sqrt(fan in): nothing stays zero."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            n = stream(name, *parameter.shape)
            if parameter.ndim > 1:
                n = n / parameter[0].numel() ** 0.5
            else:
                n = 0.1 * n + (1.0 if name.endswith("weight") else 0.0)
            parameter.copy_(n)


def summary(tensor: Tensor) -> list[float]:
    """Mean, population standard deviation, sum of magnitudes, first four values."""
    flat = tensor.detach().double().flatten()
    return [
        flat.mean().item(),
        flat.std(correction=0).item(),
        flat.abs().sum().item(),
        *flat[:4].tolist(),
    ]


SMALL = DiTConfig(
    sample_size=8,
    in_channels=4,
    out_channels=4,
    num_layers=2,
    attention_head_dim=8,
    num_attention_heads=2,
    joint_attention_dim=12,
    caption_projection_dim=16,
    pooled_projection_dim=10,
    pos_embed_max_size=8,
    dual_attention_layers=(0,),
)


@pytest.fixture
def filled() -> SimpleNamespace:
    return SimpleNamespace(stream=stream, fill=fill, summary=summary, small=SMALL)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six small photographs: parts of scikit-image's own pictures."""
    from skimage import data

    folder = tmp_path_factory.mktemp("photos")
    for index, name in enumerate(("astronaut", "coffee", "chelsea")):
        image = getattr(data, name)()
        for part, (y, x) in enumerate(((40, 60), (120, 150))):
            size = 96 + 8 * part
            Image.fromarray(image[y : y + size, x : x + 96]).save(folder / f"{index}{part}.png")
    return folder


@pytest.fixture(scope="session")
def mini() -> Callable[[Stage], Recipe]:
    """The tiny recipe at a size that trains in a second."""
    return mini_recipe


def mini_recipe(stage: Stage) -> Recipe:
    base = recipe(stage, "tiny")
    latent = replace(base.model.latent, factor=4)
    student = base.model.student and replace(base.model.student, lora_rank=2, lora_alpha=2)
    return replace(
        base,
        model=replace(base.model, latent=latent, student=student),
        network=replace(
            base.network,
            in_channels=48,
            out_channels=96,
            num_layers=2,
            num_attention_heads=2,
            attention_head_dim=8,
            caption_projection_dim=16,
            sample_size=8,
        ),
        data=replace(base.data, crop=32, pool=0),
        trainer=replace(
            base.trainer, steps=4, batch=2, checkpoint_every=2, sample_every=0, log_every=1
        ),
    )
