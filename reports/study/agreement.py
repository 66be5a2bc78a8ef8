"""Krippendorff's alpha: do raters agree more than by chance?

1 is perfect agreement, 0 is what chance gives. Nominal values; any number of raters per unit
(Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability"). The library of that name is under
the GPL, which this project cannot depend on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reports.study.shares import percentiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reports.study.ballots import Ballots


def alpha(units: NDArray[np.float64]) -> float:
    """Return alpha of how often each unit was given each value (units, values).

    NaN where it is not defined: no unit has two ratings, or all ratings are equal.

    >>> round(alpha(np.array([[2.0, 0], [1, 1], [0, 2], [0, 2]])), 3)
    0.533
    """
    one = np.ones((1, len(units)))
    return float(_alphas(one, *_parts(units))[0])


def agreement(
    given: Ballots, seed: int, resamples: int
) -> tuple[float, tuple[float, float] | None]:
    """Return alpha of the votes, and its interval over resamples of images.

    What is rated is an image with the methods that are shown: only those who saw the same agree or
    disagree. Raters are not resampled: one who is drawn twice would agree with himself.
    """
    _, of_vote = given.blocks()
    units, of_unit = np.unique(
        np.stack([given.image, of_vote], axis=1), axis=0, return_inverse=True
    )
    table = np.zeros((len(units), len(given.methods)))
    np.add.at(table, (of_unit.reshape(-1), given.chosen), 1)
    found = alpha(table)
    if np.isnan(found):
        return found, None
    per_image = np.eye(given.images)[units[:, 0]].T  # (images, units)
    observed, totals = (per_image @ part for part in _parts(table))
    generator = np.random.default_rng(seed)
    draws = generator.multinomial(
        given.images, np.full(given.images, 1 / given.images), size=resamples
    ).astype(np.float64)
    low, high = percentiles(_alphas(draws, observed, totals)[:, None])[0]
    return found, (float(low), float(high))


def _parts(units: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return of each unit its observed disagreement, and its pairable values (units, values)."""
    n = units.sum(axis=1)
    paired = n > 1
    unequal = n**2 - (units**2).sum(axis=1)
    observed = np.where(paired, unequal / np.maximum(n - 1, 1), 0.0)
    return observed, units * paired[:, None]


def _alphas(
    weights: NDArray[np.float64], observed: NDArray[np.float64], totals: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return 1 - D_o / D_e for each row of weights."""
    values = weights @ totals
    n = values.sum(axis=1)
    expected = n**2 - (values**2).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: NDArray[np.float64] = 1 - (n - 1) * (weights @ observed) / expected
    return found
