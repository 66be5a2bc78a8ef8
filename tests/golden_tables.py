"""Golden tables of official networks: the rule that fills the weights, and the comparison.

A row gives a tensor's shape, mean, standard deviation, sum of magnitudes and first four values.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor

Row = Mapping[str, str]
TOLERANCE = 1e-4  # of a tensor's spread, and of its sum of magnitudes


def seeded(shapes: Mapping[str, tuple[int, ...]], seed: int) -> dict[str, Tensor]:
    """Return tensors by sorted name from one stream, none of them zero."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, shape in sorted(shapes.items()):
        noise = torch.randn(shape, generator=generator)
        if name.endswith("relative_position_bias_table"):
            noise = 0.5 * noise
        elif len(shape) == 1:
            noise = 0.1 * noise + (1 if name.endswith("weight") else 0)
        elif not name.endswith("embedding.weight"):
            noise = noise / noise[0].numel() ** 0.5
        tensors[name] = noise
    return tensors


def rows_of(path: Path) -> dict[str, Row]:
    """Read a golden table, by name of the tensor; lines with # say where it comes from."""
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return {row["tensor"]: row for row in csv.DictReader(lines)}


def measured(tensor: Tensor, like: Tensor, tolerance: float = TOLERANCE) -> Tensor:
    """Return what a row says of a tensor, in units of what `assert_agrees` allows `like`."""
    scale, x = like.double(), tensor.double()
    spread, total = scale.std(), scale.abs().sum()
    parts = torch.cat([x.mean()[None], x.std()[None], x.flatten()[:4]]) / spread
    return torch.cat([parts, (x.abs().sum() / total)[None]]) / tolerance


def assert_agrees(tensor: Tensor, row: Row, tolerance: float = TOLERANCE) -> None:
    """Fail unless a tensor agrees with a row to a tolerance, in units of its spread."""
    x = tensor.double()
    assert "x".join(map(str, x.shape)) == row["shape"]
    assert x.abs().sum().item() == pytest.approx(float(row["abs_sum"]), rel=tolerance)
    found = [x.mean().item(), x.std().item(), *x.flatten()[:4].tolist()]
    expected = [float(row[key]) for key in ("mean", "std", "v0", "v1", "v2", "v3")]
    assert found == pytest.approx(expected, abs=tolerance * float(row["std"]))
