from __future__ import annotations

import pytest
import torch
from torch import nn

from mfsr.training.ema import EMA


def test_the_average_has_its_closed_form() -> None:
    parameter = nn.Parameter(torch.zeros(1))
    ema = EMA([("p", parameter)], decay=0.9)
    expected = 0.0
    for n in range(1, 200):
        with torch.no_grad():
            parameter.fill_(float(n))
        ema.update([("p", parameter)])
        decay = min(0.9, (1 + n) / (10 + n))
        expected = decay * expected + (1 - decay) * n
    assert ema.shadow["p"].item() == pytest.approx(expected, rel=1e-5)


def test_the_average_stands_in_and_goes_away_again() -> None:
    parameter = nn.Parameter(torch.ones(2))
    ema = EMA([("p", parameter)], decay=0.5)
    ema.shadow["p"].fill_(7)
    with ema.applied([("p", parameter)]):
        assert parameter.tolist() == [7, 7]
    assert parameter.tolist() == [1, 1]
    other = EMA([("p", parameter)], decay=0.5)
    other.load(ema.state())
    assert other.shadow["p"].tolist() == [7, 7]
