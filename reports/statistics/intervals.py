"""Intervals of means: the studentised bootstrap over images (Efron and Tibshirani 1993, 12.5).

The images of a test set are resampled with replacement, and what is looked at in each resample is
not its mean but Student's t of it. Metrics are skewed and test sets are small: of the bootstrap
intervals this is the one that keeps its 95 % there (docs/statistics.md has the measured coverage of
the others). All methods and metrics on the same images share the resamples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reports.statistics.model import LEVEL

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_RESAMPLES = 9_999
FEWEST = 5  # images; fewer have too few different resamples
_BATCH = 512  # resamples in memory at a time


def mean_intervals(
    values: NDArray[np.float64],
    seed: int,
    *,
    level: float = LEVEL,
    n_resamples: int = N_RESAMPLES,
) -> NDArray[np.float64]:
    """Return the interval (low, high) of the mean of each column.

    Args:
        values: (n, columns), one row per image.
        seed: of the resamples.
        level: probability that an interval is to hold the true mean with.
        n_resamples: their number.

    Returns:
        (columns, 2); NaN where there are fewer than `FEWEST` images.
    """
    n, columns = values.shape
    if n < FEWEST:
        return np.full((columns, 2), np.nan)
    mean = values.mean(axis=0)
    bounds = np.stack([mean, mean], axis=1)
    varied = (values != values[0]).any(axis=0)
    if varied.any():
        centred = values[:, varied] - mean[varied]
        spread = np.sqrt(np.mean(centred**2, axis=0))
        tail = (1 - level) / 2
        t = _resampled_t(centred, seed, n_resamples)
        # An upper quantile of t is where the true mean lies below ours.
        bounds[varied] -= (np.nanquantile(t, [1 - tail, tail], axis=0) * spread).T
    return bounds


def _resampled_t(centred: NDArray[np.float64], seed: int, count: int) -> NDArray[np.float64]:
    """Return mean over standard deviation of every resample (count, columns); NaN for 0 / 0.

    The factors of Student's t that depend on n alone are left out: they cancel.
    """
    generator = np.random.default_rng(seed)
    n = len(centred)
    moments = np.concatenate([centred, centred**2], axis=1)
    parts = []
    for start in range(0, count, _BATCH):
        counts = _counts(generator, min(_BATCH, count - start), n)
        mean, square = np.split(counts @ moments / n, 2, axis=1)
        variance = square - mean**2
        # A resample of one image many times has no spread, and rounding leaves some.
        variance[variance <= 1e-12 * square] = np.nan
        parts.append(mean / np.sqrt(variance))
    return np.concatenate(parts)


def _counts(generator: np.random.Generator, resamples: int, n: int) -> NDArray[np.float64]:
    """Return how often each resample holds each image: (resamples, n)."""
    drawn = generator.integers(0, n, (resamples, n))
    drawn += np.arange(resamples)[:, None] * n
    counts = np.bincount(drawn.ravel(), minlength=resamples * n)
    return counts.reshape(resamples, n).astype(np.float64)
