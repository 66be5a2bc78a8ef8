"""The smallest difference that a paired test on n images would find, and how sure it would be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports.statistics.model import ALPHA

if TYPE_CHECKING:
    from reports.statistics.model import PerImage

POWER = 0.80
_FEWEST_IMAGES = 2


def power(difference: float, *, sd: float, n: int, alpha: float = ALPHA) -> float:
    """Return the probability that a two-sided paired t test finds a true mean difference.

    Noncentral t; the sign-flip test has the same power to within simulation error.

    Args:
        difference: the true one.
        sd: standard deviation of the differences of single images.
        n: number of images.
        alpha: level of the test.
    """
    from scipy import stats

    critical = stats.t.ppf(1 - alpha / 2, n - 1)
    shift = abs(difference) / sd * math.sqrt(n)
    found = float(stats.nct.sf(critical, n - 1, shift))
    wrong_side = float(stats.nct.cdf(-critical, n - 1, shift))
    # Below 1e-19 SciPy may give up on the far tail and say NaN.
    return found if math.isnan(wrong_side) else found + wrong_side


def detectable_difference(
    sd: float, n: int, *, alpha: float = ALPHA, wanted: float = POWER
) -> float:
    """Return the true mean difference that is found with probability `wanted`; 0 for no spread.

    Args:
        sd: standard deviation of the differences of single images.
        n: number of images, at least 2.
        alpha: level of the two-sided test.
        wanted: the power.

    >>> round(detectable_difference(1.0, 34), 2)  # Cohen's classic: d = 0.5 needs 34 pairs
    0.5
    """
    from scipy import optimize, stats

    if sd == 0:
        return 0.0
    guess = (stats.t.ppf(1 - alpha / 2, n - 1) + stats.t.ppf(wanted, n - 1)) / math.sqrt(n)

    def lacking(effect: float) -> float:
        return power(effect, sd=1.0, n=n, alpha=alpha) - wanted

    return sd * float(optimize.brentq(lacking, 0.0, 2 * guess, xtol=1e-9))


@dataclass(frozen=True, slots=True, kw_only=True)
class Detectable:
    """What a data set can show with one metric, judged by the methods that were run on it."""

    dataset: str
    metric: str
    n: int  # images
    sd: float  # of the differences of single images; median over the pairs of methods
    single: float  # detectable difference of means of one pair, tested alone
    corrected: float  # the same in a table, at the first step of Holm's correction


def detectable(columns: Sequence[PerImage]) -> tuple[Detectable, ...]:
    """Return the detectable differences of the columns of one table.

    Columns with fewer than two methods, or two images, have none.
    """
    tests = sum(len(one.pairs()) for one in columns)
    return tuple(
        _of(one, tests) for one in columns if len(one.methods) > 1 and one.n >= _FEWEST_IMAGES
    )


def _of(column: PerImage, tests: int) -> Detectable:
    import numpy as np

    sd = float(np.median(column.differences().std(axis=0, ddof=1)))
    return Detectable(
        dataset=column.dataset,
        metric=column.metric,
        n=column.n,
        sd=sd,
        single=detectable_difference(sd, column.n),
        corrected=detectable_difference(sd, column.n, alpha=ALPHA / tests),
    )
