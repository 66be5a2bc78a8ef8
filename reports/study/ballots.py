"""The votes that count, as arrays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.api.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reports.study.votes import RaterRow, Vote

FEWEST = 5  # raters, and images, that an interval needs
_BATCH = 256  # resamples in memory at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballots:
    """n votes; raters, images and methods are numbers, from 0."""

    methods: tuple[str, ...]
    raters: int
    images: int
    rater: NDArray[np.int64]  # (n,)
    image: NDArray[np.int64]  # (n,)
    shown: NDArray[np.bool_]  # (n, methods)
    chosen: NDArray[np.int64]  # (n,) methods
    place: NDArray[np.int64]  # (n,) of what was chosen, from 0

    @property
    def n(self) -> int:
        """The number of votes."""
        return len(self.chosen)

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """All pairs of methods."""
        return tuple(combinations(range(len(self.methods)), 2))

    def blocks(self) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Return the sets of methods that were shown together, and which of them each vote saw."""
        blocks, of_vote = np.unique(self.shown, axis=0, return_inverse=True)
        return blocks, of_vote.reshape(-1)


def ballots(methods: Sequence[str], votes: Iterable[Vote], raters: Iterable[RaterRow]) -> Ballots:
    """Return the rated votes without a mark, of raters who are not excluded.

    A person is a session: two who were given the same participant number are two.

    Raises:
        DataError: there is none.
    """
    counting = {row.session for row in raters if not row.excluded}
    good = [v for v in votes if v.session in counting and v.kind == "rated" and not v.mark]
    if not good:
        raise DataError(
            "No vote counts: nobody answered, or all raters are excluded.",
            "See raters.csv, and: mfsr-bench study ingest",
        )
    number = {method: i for i, method in enumerate(methods)}
    rater, people = _numbered([vote.session for vote in good])
    image, images = _numbered([(vote.dataset, vote.image) for vote in good])
    shown = np.zeros((len(good), len(methods)), dtype=np.bool_)
    for row, vote in zip(shown, good, strict=True):
        row[[number[method] for method in vote.shown]] = True
    return Ballots(
        methods=tuple(methods),
        raters=people,
        images=images,
        rater=rater,
        image=image,
        shown=shown,
        chosen=np.array([number[vote.chosen] for vote in good]),
        place=np.array([vote.place - 1 for vote in good]),
    )


def _numbered(things: Sequence[Any]) -> tuple[NDArray[np.int64], int]:
    numbers = {thing: i for i, thing in enumerate(sorted(set(things)))}
    return np.array([numbers[thing] for thing in things]), len(numbers)


def counts(given: Ballots) -> NDArray[np.float64]:
    """Return how often each method was chosen among each block: (blocks, methods)."""
    blocks, of_vote = given.blocks()
    found = np.zeros(blocks.shape)
    np.add.at(found, (of_vote, given.chosen), 1)
    return found


def resampled_counts(given: Ballots, seed: int, resamples: int) -> NDArray[np.float64]:
    """Return `counts` of resamples of raters and, independently, of images.

    The two-way ("pigeonhole") bootstrap: a vote counts as often as its rater was drawn times as
    often as its image was. It covers what raters share and what images share, and is conservative
    where there is neither (Owen 2007, "The pigeonhole bootstrap").

    Returns:
        (resamples, blocks, methods). Where no vote is left the counts are 0.
    """
    generator = np.random.default_rng(seed)
    blocks, of_vote = given.blocks()
    cell = of_vote * len(given.methods) + given.chosen
    in_cell = np.zeros((given.n, blocks.size))
    in_cell[np.arange(given.n), cell] = 1
    parts = []
    for start in range(0, resamples, _BATCH):
        count = min(_BATCH, resamples - start)
        raters = _draws(generator, count, given.raters)[:, given.rater]
        images = _draws(generator, count, given.images)[:, given.image]
        parts.append((raters * images) @ in_cell)
    return np.concatenate(parts).reshape(resamples, *blocks.shape)


def _draws(generator: np.random.Generator, resamples: int, n: int) -> NDArray[np.float64]:
    """Return how often each of n is drawn in each resample: (resamples, n)."""
    return generator.multinomial(n, np.full(n, 1 / n), size=resamples).astype(np.float64)
