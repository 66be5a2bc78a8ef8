"""The rule that fills weights and inputs in golden tests, and a network to fill."""

from __future__ import annotations

import zlib

import torch
from torch import Tensor, nn

from baselines.dit4sr.network import DiTConfig


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
