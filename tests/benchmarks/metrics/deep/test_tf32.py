"""TF32 is float32 with 10 bits of mantissa, rounded to nearest, ties away from zero."""

from __future__ import annotations

import numpy as np
import torch

from benchmarks.metrics.deep.tf32 import convolve_in_tf32, round_to_tf32


def _reference(values: np.ndarray) -> np.ndarray:
    """Round by arithmetic in float64, knowing nothing of bits."""
    mantissa, exponent = np.frexp(values.astype(np.float64))
    kept = np.sign(mantissa) * np.floor(np.abs(mantissa) * 2**11 + 0.5)
    return (kept * 2.0 ** (exponent - 11)).astype(np.float32)


def test_rounding_is_that_of_arithmetic() -> None:
    generator = np.random.default_rng(1)
    values = generator.standard_normal(20_000) * 10.0 ** generator.integers(-20, 20, 20_000)
    values = values.astype(np.float32)
    ties = (1 + (2 * np.arange(-50, 50) + 1) * 2.0**-11).astype(np.float32)
    for each in (values, ties, -ties, np.float32([0, -0.0, 1, np.inf, -np.inf])):
        rounded = round_to_tf32(torch.from_numpy(np.asarray(each))).numpy()
        if np.isfinite(each).all():
            np.testing.assert_array_equal(rounded, _reference(each))
        np.testing.assert_array_equal(round_to_tf32(torch.from_numpy(rounded)).numpy(), rounded)
    one_up = round_to_tf32(torch.tensor([1 + 2.0**-11, -1 - 2.0**-11]))
    assert one_up.tolist() == [1 + 2.0**-10, -1 - 2.0**-10]


def _network() -> torch.nn.Sequential:
    torch.manual_seed(3)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, padding=1),
        torch.nn.ReLU(inplace=True),
        torch.nn.Conv2d(8, 4, 3, stride=2),
    )


def test_convolutions_have_rounded_inputs_and_weights_and_float32_sums() -> None:
    image = torch.randn(1, 3, 12, 12)
    for but_first in (False, True):
        network, plain = _network(), _network().double()
        convolve_in_tf32(network, but_first=but_first)
        expected = image
        for layer in plain:
            if isinstance(layer, torch.nn.Conv2d) and not (but_first and layer is plain[0]):
                expected = round_to_tf32(expected.float())
                layer.weight.data = round_to_tf32(layer.weight.data.float()).double()
            expected = layer(expected.double())
        found = network(image)
        torch.testing.assert_close(found.double(), expected, rtol=0, atol=1e-6)
        difference = (found - _network()(image)).abs().max()
        assert difference > 1e-4  # a hundred times the tolerance
