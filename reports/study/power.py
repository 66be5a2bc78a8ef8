"""How sure a study will be, before anyone is asked: simulated many times, analysed each time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.api.errors import ConfigError
from reports.statistics.model import ALPHA
from reports.statistics.pairs import holm
from reports.study.ballots import counts
from reports.study.design import StudyDesign
from reports.study.differences import p_values
from reports.study.shares import shares
from reports.study.simulation import Population, answer, shown_by

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_PERCENT = 0.02  # by which shares may miss 1: they are copied from papers


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """What a study of one size would find."""

    raters: int
    images: int
    votes: int
    half_width: float  # of the 95 % range of the first method's share over repeated studies
    found: tuple[float, ...]  # first against each other: how often the right one wins, after Holm
    all_found: float  # how often all of these are found


def checked_shares(values: Sequence[float]) -> NDArray[np.float64]:
    """Return shares that sum to 1, the largest first.

    Raises:
        ConfigError: they are no shares of two methods or more.
    """
    given = np.array(sorted(values, reverse=True), dtype=np.float64)
    if len(given) < 2 or not (given > 0).all() or abs(given.sum() - 1) > _PERCENT:
        raise ConfigError(
            f"The shares {', '.join(f'{value:g}' for value in values)} are not positive, or do "
            "not sum to 1.",
            "Give one per method: --shares 0.4,0.2,0.2,0.1,0.1",
        )
    normal: NDArray[np.float64] = given / given.sum()
    return normal


def design_of(methods: int, *, raters: int, images: int, shown: int, per_image: int) -> StudyDesign:
    """Return a design of a size, over things without names.

    Raises:
        ConfigError: there is none.
    """
    return StudyDesign(
        methods=tuple(f"m{i}" for i in range(methods)),
        images=tuple(("", f"i{i}") for i in range(images)),
        obvious=(),
        shown=shown or methods,
        per_image=per_image,
        raters=raters,
    )


def power(design: StudyDesign, population: Population, *, studies: int, seed: int) -> Power:
    """Return how often repeated studies find what is true of a population.

    Args:
        design: the study.
        population: of raters and images; the first method is the best.
        studies: how many are simulated.
        seed: of all that is random.
    """
    shown = shown_by(design)
    generator = np.random.default_rng(seed)
    first: list[float] = []
    right = []
    for _ in range(studies):
        given = answer(shown, population, generator)
        blocks, _ = given.blocks()
        share = shares(counts(given), blocks)
        first.append(float(share[0]))
        significant = holm(p_values(given)) < ALPHA
        right.append(
            [significant[i] and share[0] > share[b] for i, b in _against_first(given.pairs)]
        )
    hits = np.array(right)
    low, high = np.quantile(first, [0.025, 0.975])
    return Power(
        raters=design.raters,
        images=len(design.images),
        votes=design.raters * design.rated,
        half_width=float(high - low) / 2,
        found=tuple(map(float, hits.mean(axis=0))),
        all_found=float(hits.all(axis=1).mean()),
    )


def _against_first(pairs: tuple[tuple[int, int], ...]) -> list[tuple[int, int]]:
    return [(i, b) for i, (a, b) in enumerate(pairs) if a == 0]
