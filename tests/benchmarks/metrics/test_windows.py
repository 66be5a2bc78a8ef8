from __future__ import annotations

import numpy as np
import pytest
from pyiqa.matlab_utils import fspecial

from benchmarks.metrics.windows import gaussian_window, separable_window


@pytest.mark.parametrize(("size", "sigma"), [(7, 7 / 6), (11, 1.5)])
def test_window_is_that_of_pyiqa(size: int, sigma: float) -> None:
    expected = fspecial(size, sigma, 1)[0, 0].double().numpy()
    assert np.array_equal(gaussian_window(size, sigma), expected)


@pytest.mark.parametrize(("size", "sigma"), [(7, 7 / 6), (11, 1.5)])
def test_separable_window_has_the_same_sum_and_nearly_the_same_taps(
    size: int, sigma: float
) -> None:
    window, line = gaussian_window(size, sigma), separable_window(size, sigma)
    assert abs(np.outer(line, line).sum() - window.sum()) < 1e-15
    assert np.abs(np.outer(line, line) - window).max() < 1e-8
