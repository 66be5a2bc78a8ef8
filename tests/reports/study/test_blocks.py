"""Balanced incomplete blocks."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from math import comb

import pytest

from reports.study.blocks import blocks, is_balanced


@pytest.mark.parametrize(
    ("v", "k"), [(v, k) for v in (2, 5, 6, 7, 8, 9, 13, 16) for k in (2, 3, 4, v) if k <= v]
)
def test_every_pair_meets_equally_often(v: int, k: int) -> None:
    design = blocks(v, k)
    pairs = Counter(pair for block in design for pair in combinations(sorted(block), 2))
    assert len(pairs) == comb(v, 2) and len(set(pairs.values())) == 1
    singles = Counter(one for block in design for one in block)
    assert len(singles) == v and len(set(singles.values())) == 1
    assert all(len(set(block)) == k for block in design)
    # r (k - 1) = lambda (v - 1), and b k = v r (Yates 1936)
    r, together = singles[0], pairs[0, 1]
    assert r * (k - 1) == together * (v - 1) and len(design) * k == v * r


@pytest.mark.parametrize(
    ("v", "k", "b"),
    [(7, 3, 7), (7, 4, 7), (13, 4, 13), (11, 5, 11), (8, 4, 14), (9, 3, 12), (6, 3, 10)],
)
def test_known_designs_are_as_small_as_fishers_tables_have_them(v: int, k: int, b: int) -> None:
    assert len(blocks(v, k)) == b


def test_an_unbalanced_design_is_told() -> None:
    assert not is_balanced(((0, 1), (1, 2)), 3)
