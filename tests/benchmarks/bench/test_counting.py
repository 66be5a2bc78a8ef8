"""Counts against closed forms, under inference mode as methods run."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.bench.counting import MacCounter, ParameterCounter

B, N, D, H = 2, 7, 16, 4


def macs(compute: Callable[[], object]) -> int:
    with torch.inference_mode(), MacCounter() as counter:
        compute()
    return counter.total()


def parameters(compute: Callable[[], object]) -> int:
    with torch.inference_mode(), ParameterCounter() as counter:
        compute()
    return counter.total()


def heads(n: int) -> Tensor:
    return torch.rand(B, H, n, D // H)


CASES: dict[str, tuple[Callable[[], object], int]] = {
    "linear": (lambda: nn.Linear(D, 5)(torch.rand(B, N, D)), B * N * D * 5),
    "convolution, stride 2": (
        lambda: nn.Conv2d(3, 8, 3, stride=2, padding=1)(torch.rand(B, 3, 10, 12)),
        B * 8 * 5 * 6 * 3 * 9,
    ),
    "convolution, 4 groups": (
        lambda: nn.Conv2d(8, 8, 3, padding=1, groups=4)(torch.rand(B, 8, 6, 6)),
        B * 8 * 36 * 2 * 9,
    ),
    "matrix product": (lambda: torch.rand(B, N, D) @ torch.rand(D, 3), B * N * D * 3),
    # Queries times keys, and weights times values.
    "attention": (
        lambda: F.scaled_dot_product_attention(heads(N), heads(9), heads(9)),
        2 * B * H * N * 9 * (D // H),
    ),
    "no product": (lambda: F.interpolate(torch.rand(1, 3, 8, 8), scale_factor=4), 0),
}


@pytest.mark.parametrize("case", list(CASES))
def test_macs_are_those_of_the_closed_form(case: str) -> None:
    compute, expected = CASES[case]
    assert macs(compute) == expected


class Called(nn.Module):
    """A module that is called with its own parameter, as label embeddings are."""

    def __init__(self) -> None:
        super().__init__()
        self.labels = nn.Parameter(torch.rand(N, D))
        self.layer = nn.Linear(D, D)

    def forward(self) -> Tensor:
        return self.layer(self.labels)


def test_a_parameter_as_the_argument_of_a_module_is_counted_like_any_other() -> None:
    model = Called()
    assert macs(model) == N * D * D
    assert parameters(model) == N * D + D * D + D


def test_parameters_are_those_that_take_part_each_once() -> None:
    used, unused = nn.Linear(D, D), nn.Linear(D, D)
    model = nn.ModuleList([used, unused])
    assert parameters(lambda: model[0](model[0](torch.rand(1, D)))) == D * D + D


def test_parameters_of_modules_that_are_not_called_themselves_are_counted() -> None:
    """Attention reads its output projection's weight without calling it."""
    attention = nn.MultiheadAttention(D, H, batch_first=True).eval()
    x = torch.rand(B, N, D)
    expected = sum(parameter.numel() for parameter in attention.parameters())
    assert parameters(lambda: attention(x, x, x, need_weights=False)) == expected
