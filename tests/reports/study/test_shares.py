"""Vote shares, beside their closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from reports.study.shares import share_differences, shares, trials_of, wilson


def test_wilsons_interval_is_that_of_the_formula() -> None:
    chosen, n, z = 730, 1875, 1.959963984540054
    p = chosen / n
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * (p * (1 - p) / n + z**2 / (4 * n**2)) ** 0.5
    assert wilson(chosen, n) == pytest.approx((middle - half, middle + half), abs=1e-12)


def test_shares_are_of_the_trials_that_showed_a_method() -> None:
    blocks = np.array([[True, True, False], [True, False, True]])
    counts = np.array([[3.0, 1, 0], [2, 0, 4]])
    assert trials_of(counts, blocks).tolist() == [10, 4, 6]
    assert shares(counts, blocks) == pytest.approx([5 / 10, 1 / 4, 4 / 6])
    pairs = ((0, 1), (0, 2))
    assert share_differences(counts, blocks, pairs) == pytest.approx([2 / 4, -2 / 6])
