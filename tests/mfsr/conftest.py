"""Photographs, and a run that takes a second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from mfsr.training.recipes import Recipe, Stage, recipe


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
