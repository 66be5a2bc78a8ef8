"""A small Stable Diffusion 3.5 with DiT4SR's releases, and the method loaded from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import small_networks as small
import small_sd3
import torch
from torch import Tensor

from baselines.dit4sr import restorer, weights
from baselines.dit4sr.network import DiTConfig
from baselines.dit4sr.prompts import DIT4SR_NEGATIVE
from baselines.dit4sr.releases import SD35
from baselines.dit4sr.restorer import DiT4SRReleased
from baselines.sd3.text import SD3TextEncoders
from benchmarks.api.restorer import Runtime
from benchmarks.api.tiling import Tiling
from benchmarks.api.weights import WeightStore


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights folder with all releases."""
    root = tmp_path_factory.mktemp("weights")
    base = root / "dit4sr" / SD35.name
    small_sd3.write_base(base)
    small_sd3.write_text(base)
    for variant in ("q", "f", "r1"):
        small_sd3.write_dit4sr(root / f"dit4sr/dit4sr_{variant}", variant)
    return root


class Texts:
    """Stands in for the encoders: the golden values' embeddings, and what was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.known: set[str] = set()

    def missing(self, prompts: Iterable[str]) -> list[str]:
        return sorted(set(prompts) - self.known)

    def embed(self, prompts: Sequence[str]) -> tuple[Tensor, Tensor]:
        self.asked += prompts
        self.known |= set(prompts)
        parts = [_embedding(prompt) for prompt in prompts]
        text, pooled = zip(*parts, strict=True)
        return torch.cat(text), torch.cat(pooled)


def _embedding(prompt: str) -> tuple[Tensor, Tensor]:
    names = ("negative", "pooled negative") if prompt == DIT4SR_NEGATIVE else ("text", "pooled")
    if "dog" in prompt:
        names = ("dog", "pooled dog")
    width, pooled = (small_sd3.DIT4SR[f"{k}_dim"] for k in ("joint_attention", "pooled_projection"))
    shapes = (1, small_sd3.TOKENS, width), (1, pooled)
    text, vector = (5 * small.values(n, s) for n, s in zip(names, shapes, strict=True))  # type: ignore[arg-type]
    return text, vector


@pytest.fixture(scope="module")
def load(root: Path) -> Iterator[Callable[..., DiT4SRReleased]]:
    """Load a release at its small size, once per runtime; its text encoders are `Texts`."""

    @cache
    def loaded(mended: bool = False, options: Any = (), **changes: Any) -> DiT4SRReleased:
        runtime = Runtime(
            card=DiT4SRReleased.card.with_weights_for(dict(options)),
            weights=WeightStore(root),
            mended=mended,
            options=dict(options),
            **{"dtype": "fp32", **changes},
        )
        return DiT4SRReleased.load(runtime)

    texts = Texts()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weights, "SHAPE", DiTConfig(**small_sd3.DIT4SR))
        patch.setattr(restorer, "_MINIMUM", 8)
        patch.setattr(restorer, "TILING", Tiling(tile=16, overlap=6))
        patch.setattr(SD3TextEncoders, "missing", lambda _, prompts: texts.missing(prompts))
        patch.setattr(SD3TextEncoders, "embed", lambda _, prompts: texts.embed(prompts))
        loaded.texts = texts  # type: ignore[attr-defined]
        loaded.root = root  # type: ignore[attr-defined]
        yield loaded
