"""Networks filled by a rule, and the golden tables that the official code gave for that rule."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor

Fill = Callable[[Mapping[str, torch.Size], int], dict[str, Tensor]]
Compare = Callable[[Tensor, str], None]


def _seeded(shapes: Mapping[str, torch.Size], seed: int) -> dict[str, Tensor]:
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


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    """Compute on one core: beside other work, threads that wait for each other are slower."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def seeded() -> Fill:
    """The rule: tensors by sorted name from one stream, none of them zero."""
    return _seeded


@pytest.fixture(scope="session")
def rows_of() -> Callable[[Path], dict[str, dict[str, str]]]:
    """Read a golden table, by name of the tensor."""

    def read(path: Path) -> dict[str, dict[str, str]]:
        lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
        return {row["tensor"]: row for row in csv.DictReader(lines)}

    return read


@pytest.fixture(scope="session")
def agrees() -> Callable[[Tensor, dict[str, str]], None]:
    """Fail unless a tensor agrees with a golden row to 1e-4 of its spread."""

    def check(tensor: Tensor, row: dict[str, str]) -> None:
        x = tensor.double()
        assert "x".join(map(str, x.shape)) == row["shape"]
        assert x.abs().sum().item() == pytest.approx(float(row["abs_sum"]), rel=1e-4)
        spread = float(row["std"])
        found = [x.mean().item(), x.std().item(), *x.flatten()[:4].tolist()]
        expected = [float(row[key]) for key in ("mean", "std", "v0", "v1", "v2", "v3")]
        assert found == pytest.approx(expected, abs=1e-4 * spread)

    return check
