"""From an image's degradation to the matrices that mix the ranks of its LoRA (Section 3.2).

f   = [sin 2 pi d_blur w, cos 2 pi d_blur w, sin 2 pi d_noise w, cos 2 pi d_noise w]
M_i = fuse([relu(de_mlp f), relu(block_mlp e_i)]) reshaped to (r, r), for block i
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

_FREQUENCIES = 64
_EMBEDDING = 64
_DEGRADATION_WIDTH = 256


def fourier(degrees: Tensor, frequencies: Tensor) -> Tensor:
    """Return the Fourier features f (B, 4 n) of degrees (B, 2) at frequencies (n,)."""
    phase = degrees[..., None] * frequencies * 2 * math.pi  # (B, 2, n)
    return torch.cat([phase.sin(), phase.cos()], dim=-1).flatten(1)


class BlockModulation(nn.Module):
    """Fourier features (B, 256) -> mixing matrices (B, blocks, r, r) of one network."""

    def __init__(self, blocks: int, rank: int) -> None:
        super().__init__()
        self.rank = rank
        features = 4 * _FREQUENCIES
        self.de_mlp = nn.Sequential(nn.Linear(features, _DEGRADATION_WIDTH), nn.ReLU())
        self.block_mlp = nn.Sequential(nn.Linear(_EMBEDDING, _EMBEDDING), nn.ReLU())
        self.fuse_mlp = nn.Linear(_DEGRADATION_WIDTH + _EMBEDDING, rank**2)
        self.block = nn.Embedding(blocks, _EMBEDDING)

    def forward(self, features: Tensor) -> Tensor:
        """Return one matrix per image and block."""
        degradation = self.de_mlp(features)  # (B, 256)
        block = self.block_mlp(self.block.weight)  # (blocks, 64)
        batch, blocks = len(degradation), len(block)
        pairs = [
            degradation[:, None].expand(-1, blocks, -1),
            block[None].expand(batch, -1, -1),
        ]
        fused: Tensor = self.fuse_mlp(torch.cat(pairs, dim=-1))
        return fused.reshape(batch, blocks, self.rank, self.rank)
