"""Is one method chosen more often than another, for other raters and other images as well?

Votes of one rater are alike, and so are votes on one image. The t test with two-way clustered
variance (Cameron, Gelbach and Miller 2011) takes both for samples: the sum of +1 (first chosen), -1
(second) and 0 (another) has the variance of its sums by rater, plus that of its sums by image, less
that of its sums by both. Degrees of freedom are the fewer clusters less one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reports.statistics.pairs import holm

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reports.study.ballots import Ballots


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two methods, over the trials that showed both."""

    first: str
    second: str
    trials: int
    difference: float  # of shares, first minus second
    interval: tuple[float, float] | None  # 95 %, resampled over raters and images
    p: float
    p_holm: float  # corrected for the number of pairs


def p_values(given: Ballots) -> NDArray[np.float64]:
    """Return the two-sided p of every pair; 1 where no trial showed both."""
    return np.array([_p(given, *pair) for pair in given.pairs])


def _p(given: Ballots, first: int, second: int) -> float:
    from scipy import stats

    both = given.shown[:, first] & given.shown[:, second]
    rater, image = given.rater[both], given.image[both]
    clusters = min(len(np.unique(rater)), len(np.unique(image)))
    if clusters < 2:
        return 1.0
    score = (given.chosen[both] == first) * 1.0 - (given.chosen[both] == second)
    residual = score - score.mean()
    by_rater, by_image = _of_sums(residual, rater), _of_sums(residual, image)
    by_cell = _of_sums(residual, rater * given.images + image)
    variance = max(by_rater + by_image - by_cell, by_rater, by_image)
    if variance == 0 == score.sum():
        return 1.0
    with np.errstate(divide="ignore"):
        t = np.abs(score.sum()) / np.sqrt(variance)
    # Votes may be unanimous: then a sign-flip test over clusters could give this and no less.
    return max(float(2 * stats.t.sf(t, clusters - 1)), 2.0 ** (1 - clusters))


def _of_sums(residual: NDArray[np.float64], cluster: NDArray[np.int64]) -> float:
    """Return the variance of the sum of residuals that are alike within clusters."""
    _, number = np.unique(cluster, return_inverse=True)
    sums = np.bincount(number.reshape(-1), residual)
    return float(sums @ sums) * len(sums) / (len(sums) - 1)


def differences(
    given: Ballots, observed: NDArray[np.float64], intervals: NDArray[np.float64] | None
) -> tuple[Difference, ...]:
    """Return all pairs that any trial showed.

    Args:
        given: the votes.
        observed: the difference of shares of every pair.
        intervals: of these (pairs, 2).
    """
    p = p_values(given)
    adjusted = holm(p)
    found = []
    for i, (a, b) in enumerate(given.pairs):
        trials = int((given.shown[:, a] & given.shown[:, b]).sum())
        if not trials:
            continue
        found.append(
            Difference(
                first=given.methods[a],
                second=given.methods[b],
                trials=trials,
                difference=float(observed[i]),
                interval=None if intervals is None else _pair(intervals[i]),
                p=float(p[i]),
                p_holm=float(adjusted[i]),
            )
        )
    return tuple(found)


def _pair(bounds: NDArray[np.float64]) -> tuple[float, float]:
    return float(bounds[0]), float(bounds[1])
