"""DiT4SR's network from an official folder, checked to be the release that it is taken for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.api.errors import WeightsCorruptError
from benchmarks.api.images import show
from mfsr.dit import DiT4SR, DiTConfig
from mfsr.dit_weights import load_dit

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from baselines.dit4sr.weights import Release

SHAPE = DiTConfig()  # Stable Diffusion 3.5 medium's


def load_release(folder: Path, release: Release, dtype: torch.dtype) -> DiT4SR:
    """Read the network of a release.

    Args:
        folder: upstream's folder of the release, holding `transformer`.
        release: which one it should be.
        dtype: of the weights; the files mix float16 and float32.

    Raises:
        WeightsMissingError: a file is missing.
        WeightsCorruptError: it is another network or release; the first key that differs is named.
    """
    network = load_dit(folder / "transformer", key_control=release.key_control, dtype=dtype)
    expected = replace(SHAPE, key_control=release.key_control)
    if network.shape != expected:
        raise WeightsCorruptError(
            f"{show(folder)} holds a network of another shape than Stable Diffusion 3.5 medium's.",
            "Get the folder that the card names.",
        )
    _check_variant(network, release, folder)
    return network


def _check_variant(network: DiT4SR, release: Release, folder: Path) -> None:
    """Tell r1 from f and q, whose `to_k_control` has no effect, no gradient, and stays at zero."""
    trained = release.key_control == "lr"
    for name, parameter in network.named_parameters():
        if name.endswith("to_k_control.weight") and bool(parameter.any()) != trained:
            found, others = ("all zeros", "f or q") if trained else ("not all zeros", "r1")
            raise WeightsCorruptError(
                f"{show(folder)} is not release {release.name}: tensor '{name}' is {found}.",
                f"It is {others}: put it into the folder of that release, and take that variant.",
            )
