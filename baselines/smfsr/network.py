"""SMFSR's network: DiT4SR's, with an embedding of the two ends of an interval."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from baselines.dit4sr import weights
from baselines.dit4sr.network import DiT4SR, DiTConfig
from baselines.dit4sr.weights import load_exactly, read_config, read_folder
from benchmarks.api.errors import WeightsCorruptError
from benchmarks.api.text import show

if TYPE_CHECKING:
    from pathlib import Path

_OFFICIAL, _OWN = "time_text_embed_interval.", "time_text_embed."
# A second copy that upstream's constructor makes beside the one in use.
_DEAD = re.compile(r"interval_embedder\.[02]\.(weight|bias)")


class IntervalEmbedding(nn.Module):
    """W2 SiLU(W1 [E(r, text) ; E(t, text)]): stands where SD3 has `time_text_embed`.

    E is one embedding of a time and of the pooled text, used for both ends; times are in [0, 1].
    """

    def __init__(self, stock: nn.Module, width: int) -> None:
        super().__init__()
        self.time_text_embed = stock
        self.interval_embedder = nn.Sequential(
            nn.Linear(2 * width, width), nn.SiLU(), nn.Linear(width, width)
        )

    def forward(self, timestep: Tensor, pooled: Tensor) -> Tensor:
        """Return the conditioning (B, D) of times (B, 2) = (t, r) and pooled text."""
        t, r = timestep.float().unbind(1)
        ends = [self.time_text_embed(time, pooled) for time in (r, t)]
        return cast("Tensor", self.interval_embedder(torch.cat(ends, dim=1)))


def build(config: DiTConfig) -> DiT4SR:
    """Return a network of a shape, randomly initialised."""
    network: DiT4SR = DiT4SR.of(config)
    embedding = IntervalEmbedding(network.time_text_embed, network.inner_dim)
    network.add_module("time_text_embed", embedding)
    return network


def load(folder: Path, dtype: torch.dtype) -> DiT4SR:
    """Read a network from upstream's folder (config.json and safetensors), for inference.

    Raises:
        WeightsMissingError: a file is missing.
        WeightsCorruptError: it is another network; the first key that differs is named.
    """
    config = read_config(folder, "noise")
    tensors = read_folder(folder)
    if not any(name.startswith(_OFFICIAL) for name in tensors):
        raise WeightsCorruptError(
            f"{show(folder)} has no '{_OFFICIAL}*': it is DiT4SR or a teacher, of one time.",
            "Get the folder that the card names: mfsr-bench weights fetch smfsr",
        )
    if config != replace(weights.SHAPE, key_control="noise"):
        raise WeightsCorruptError(
            f"{show(folder)} holds a network of another shape than Stable Diffusion 3.5 medium's.",
            "Get the folder that the card names.",
        )
    own = {
        name.replace(_OFFICIAL, _OWN, 1): tensor
        for name, tensor in tensors.items()
        if not _DEAD.fullmatch(name)
    }
    with torch.device("meta"):
        network = build(config)
    load_exactly(network, own, folder, dtype=dtype)
    module: Any = network.eval()
    return cast("DiT4SR", module.requires_grad_(requires_grad=False))
