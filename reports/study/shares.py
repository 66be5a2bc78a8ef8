"""Vote shares: of the trials that showed a method, those in which it was chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reports.statistics.model import LEVEL

if TYPE_CHECKING:
    from numpy.typing import NDArray


def trials_of(counts: NDArray[np.float64], blocks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the number of trials that showed each method.

    Args:
        counts: (..., blocks, methods).
        blocks: (blocks, methods) the methods that were shown together.

    Returns:
        (..., methods)
    """
    shown: NDArray[np.float64] = counts.sum(axis=-1) @ blocks.astype(np.float64)
    return shown


def shares(counts: NDArray[np.float64], blocks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the share of each method (..., methods); NaN where no trial showed it."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found: NDArray[np.float64] = counts.sum(axis=-2) / trials_of(counts, blocks)
    return found


def share_differences(
    counts: NDArray[np.float64], blocks: NDArray[np.bool_], pairs: tuple[tuple[int, int], ...]
) -> NDArray[np.float64]:
    """Return first minus second of each pair (..., pairs), over the trials that showed both."""
    both = np.stack([blocks[:, a] & blocks[:, b] for a, b in pairs], axis=-1).astype(np.float64)
    first, second = ([pair[side] for pair in pairs] for side in (0, 1))
    gained = ((counts[..., first] - counts[..., second]) * both).sum(axis=-2)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: NDArray[np.float64] = gained / (counts.sum(axis=-1) @ both)
    return found


def wilson(chosen: float, n: float, *, level: float = LEVEL) -> tuple[float, float]:
    """Return the interval of a share (Wilson 1927): right if all votes were independent.

    >>> [round(bound, 3) for bound in wilson(8, 10)]
    [0.49, 0.943]
    """
    from scipy import stats

    found = stats.binomtest(int(chosen), int(n)).proportion_ci(level, method="wilson")
    return float(found.low), float(found.high)


def percentiles(resampled: NDArray[np.float64], *, level: float = LEVEL) -> NDArray[np.float64]:
    """Return the interval of each column (columns, 2) of resampled values (resamples, columns).

    NaN for a column without any value.
    """
    tail = (1 - level) / 2
    known = ~np.isnan(resampled).all(axis=0)
    bounds = np.full((resampled.shape[1], 2), np.nan)
    bounds[known] = np.nanquantile(resampled[:, known], [tail, 1 - tail], axis=0).T
    return bounds
