"""Paired tests: are two methods' means different, given that both restored the same images?

If they were not, each image's difference would be as likely to have the other sign. The sign-flip
test (Fisher's randomisation test for pairs) counts how many sign patterns give a mean difference at
least as large: all patterns where they are few, a seeded sample of them elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FEWEST_FLIPS = 9_999
_FLIPS_PER_TEST = 50  # so that the smallest p of a family of m tests is 0.02 / m
_EXACT = 14  # images up to which all patterns are looked at
_BATCH = 512  # sign patterns in memory at a time
_ROUNDING = 1e-12  # of the sum of absolute differences: equal means count as equal


def flips_for(tests: int) -> int:
    """Return how many sign patterns let a test among `tests` be significant after correction."""
    return max(_FEWEST_FLIPS, _FLIPS_PER_TEST * tests)


def sign_flip_test(
    differences: NDArray[np.float64], seed: int, *, n_flips: int = _FEWEST_FLIPS
) -> NDArray[np.float64]:
    """Return the two-sided p of "the mean difference is zero", for each column.

    The mean is compared. Student's t would give the same p: the sum of squares is the same under
    every sign pattern.

    Args:
        differences: (n, pairs), one row per image.
        seed: of the sampled sign patterns.
        n_flips: how many of them, where not all are looked at.
    """
    n = len(differences)
    observed = np.abs(differences.sum(axis=0))
    threshold = observed - _ROUNDING * np.abs(differences).sum(axis=0)
    if n <= _EXACT:
        sums = np.abs(_all_signs(n) @ differences)
        exact: NDArray[np.float64] = np.mean(sums >= threshold, axis=0)
        return exact
    generator = np.random.default_rng(seed)
    count = np.zeros(differences.shape[1])
    for start in range(0, n_flips, _BATCH):
        signs = _random_signs(generator, min(_BATCH, n_flips - start), n)
        count += np.sum(np.abs(signs @ differences) >= threshold, axis=0)
    return (count + 1) / (n_flips + 1)  # what was observed is a pattern too


def _all_signs(n: int) -> NDArray[np.float64]:
    """Return the sign patterns whose last sign is +; the others are their mirror images."""
    numbers = np.arange(2 ** max(0, n - 1))[:, None]
    bits = numbers >> np.arange(n) & 1
    return 1 - 2 * bits.astype(np.float64)


def _random_signs(generator: np.random.Generator, patterns: int, n: int) -> NDArray[np.float64]:
    bits = np.frombuffer(generator.bytes(-(-patterns * n // 8)), dtype=np.uint8)
    signs = np.unpackbits(bits, count=patterns * n).reshape(patterns, n)
    return 1 - 2 * signs.astype(np.float64)


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return p-values adjusted for their number (Holm 1979): all below 5 % are wrong in 5 %.

    >>> holm(np.array([0.01, 0.04, 0.03, 0.005])).round(3).tolist()
    [0.03, 0.06, 0.06, 0.02]
    """
    order = np.argsort(p)
    steps = p[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(steps))
    return adjusted
