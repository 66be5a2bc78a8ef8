"""Photographs, and a run that takes a second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from mfsr.tiny.base import BaseConfig
from mfsr.tiny.network import UNetConfig
from mfsr.training.recipes import Recipe, Stage, recipe
from mfsr.training.stages import Sources, train


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


@pytest.fixture(scope="session")
def base(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model folder of a base that was trained for two steps."""
    run = tmp_path_factory.mktemp("base")
    return train(mini_recipe("base"), Sources(data=(photos,), out=run))


def mini_recipe(stage: Stage) -> Recipe:
    tiny = recipe(stage, "tiny")
    base = BaseConfig(width=8, blocks=(1, 1, 1), channels=6)
    unet = UNetConfig(
        channels=base.channels, condition=base.condition, width=8, blocks=(1, 1, 1), embedding=8,
        pooled=tiny.model.text.pooled,
    )  # fmt: skip
    return replace(
        tiny,
        model=replace(tiny.model, latent=replace(tiny.model.latent, base=base), unet=unet),
        base=replace(tiny.base, lpips=0.0, dists=0.0),
        data=replace(tiny.data, crop=32, pool=0),
        trainer=replace(
            tiny.trainer,
            steps=2 if stage == "base" else 4,
            batch=2,
            checkpoint_every=2,
            sample_every=0,
            log_every=1,
        ),
    )
