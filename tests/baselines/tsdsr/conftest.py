"""A small Stable Diffusion 3 with files in TSD-SR's format, and the method loaded from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import small_sd3

from baselines.tsdsr import weights
from baselines.tsdsr.network import Networks, load_networks
from baselines.tsdsr.restorer import TSDSR
from benchmarks.api.restorer import Runtime
from benchmarks.api.weights import WeightStore


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A weights folder with all that both releases need, at a small size."""
    root = tmp_path_factory.mktemp("weights")
    counts = small_sd3.write_base(root / "tsdsr/stable-diffusion-3-medium")
    networks = load_networks(root / "tsdsr/stable-diffusion-3-medium", *counts.values())
    small_sd3.write_tsdsr(root / "tsdsr", networks)
    small_sd3.write_prompt(root / "tsdsr")
    small_sd3.write_tsdsr(root / "tsdsr-mse", networks)
    return SimpleNamespace(root=root, counts=counts)


@pytest.fixture
def networks(store: SimpleNamespace) -> Networks:
    """The small base model, without updates."""
    return load_networks(store.root / "tsdsr/stable-diffusion-3-medium", *store.counts.values())


@pytest.fixture(scope="module")
def load(store: SimpleNamespace) -> Iterator[Callable[..., TSDSR]]:
    """Load a release with the small base model, once per runtime."""

    @cache
    def loaded(
        kind: type[TSDSR] = TSDSR, mended: bool = False, options: Any = (), **changes: Any
    ) -> TSDSR:
        runtime = Runtime(
            card=kind.card.with_weights_for(dict(options)),
            weights=WeightStore(Path(store.root)),
            mended=mended,
            options=dict(options),
            **{"dtype": "fp32", **changes},
        )
        return kind.load(runtime)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weights, "TRANSFORMER_PARAMETERS", store.counts["transformer"])
        patch.setattr(weights, "VAE_PARAMETERS", store.counts["vae"])
        loaded.root = Path(store.root)  # type: ignore[attr-defined]
        yield loaded
