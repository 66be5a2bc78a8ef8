"""The rule that fills a network's weights and inputs in golden tests: one stream per name."""

from __future__ import annotations

import zlib
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn


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


@pytest.fixture
def filled() -> SimpleNamespace:
    return SimpleNamespace(stream=stream, fill=fill, summary=summary)
