"""All that is known of a study's votes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.api.seeds import seed_for
from reports.study.agreement import agreement
from reports.study.ballots import FEWEST, Ballots, counts, resampled_counts
from reports.study.differences import Difference, differences
from reports.study.shares import percentiles, share_differences, shares, trials_of, wilson
from reports.study.strengths import refits, strengths

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

N_RESAMPLES = 4_999

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodResult:
    """What raters thought of one method."""

    method: str
    title: str
    votes: int
    trials: int  # that showed it
    share: float
    wilson: Interval  # 95 %, as if all votes were independent
    interval: Interval | None  # 95 %, resampled over raters and images
    strength: float | None  # log odds; the mean of all methods is 0
    strength_interval: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """How often each place on the page was chosen: they should be alike."""

    chosen: tuple[int, ...]
    p: float  # chi-squared test of "as often"


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """The result of a study."""

    study: str
    raters: int  # who count
    excluded: int
    images: int
    votes: int
    shown: int  # methods side by side
    methods: tuple[MethodResult, ...]  # the highest share first
    differences: tuple[Difference, ...]
    alpha: float | None  # Krippendorff's; None where it is not defined
    alpha_interval: Interval | None
    places: Places
    exclusion_rule: str
    seed: int
    notes: tuple[str, ...]

    @property
    def model(self) -> str:
        """The name of the choice model."""
        return "Bradley-Terry" if self.shown == 2 else "Plackett-Luce"

    def as_json(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        return {"schema": 1, "model": self.model, "resamples": N_RESAMPLES, **asdict(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What an analysis says of its study."""

    study: str
    titles: Mapping[str, str]
    excluded: int
    exclusion_rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Resampled:
    """Intervals (things, 2)."""

    shares: NDArray[np.float64]
    differences: NDArray[np.float64]
    strengths: NDArray[np.float64] | None


def analyse(given: Ballots, about: About, *, seed: int = 0) -> Analysis:
    """Return what the votes say.

    Args:
        given: the votes that count.
        about: what is said of the study.
        seed: of the resamples.
    """
    blocks, _ = given.blocks()
    table = counts(given)
    strength = strengths(given)
    resampled = _resampled(given, strength, seed)
    share, trials = shares(table, blocks), trials_of(table, blocks)
    results = [
        MethodResult(
            method=method,
            title=about.titles[method],
            votes=int(table[:, i].sum()),
            trials=int(trials[i]),
            share=float(share[i]),
            wilson=wilson(table[:, i].sum(), trials[i]),
            # Every resample of votes that one method never has, or always, is the same.
            interval=_bounds(resampled.shares if resampled and 0 < share[i] < 1 else None, i),
            strength=None if strength is None or np.isnan(strength[i]) else float(strength[i]),
            strength_interval=_bounds(resampled.strengths if resampled else None, i),
        )
        for i, method in enumerate(given.methods)
        if trials[i]
    ]
    alpha, alpha_interval = agreement(given, seed_for(seed, "agreement"), N_RESAMPLES)
    return Analysis(
        study=about.study,
        raters=given.raters,
        excluded=about.excluded,
        images=given.images,
        votes=given.n,
        shown=int(given.shown.sum(axis=1).max()),
        methods=tuple(sorted(results, key=lambda one: -one.share)),
        differences=differences(
            given,
            share_differences(table, blocks, given.pairs),
            resampled.differences if resampled else None,
        ),
        alpha=None if np.isnan(alpha) else alpha,
        alpha_interval=alpha_interval if resampled else None,
        places=_places(given),
        exclusion_rule=about.exclusion_rule,
        seed=seed,
        notes=_notes(given, about, strength, alpha),
    )


def _resampled(
    given: Ballots, strength: NDArray[np.float64] | None, seed: int
) -> _Resampled | None:
    """Return the intervals, or None where there are too few raters or images for any."""
    if min(given.raters, given.images) < FEWEST:
        return None
    blocks, _ = given.blocks()
    table = resampled_counts(given, seed_for(seed, "resamples"), N_RESAMPLES)
    return _Resampled(
        shares=percentiles(shares(table, blocks)),
        differences=percentiles(share_differences(table, blocks, given.pairs)),
        strengths=None if strength is None else percentiles(refits(table, blocks, strength)),
    )


def _bounds(intervals: NDArray[np.float64] | None, at: int) -> Interval | None:
    if intervals is None or np.isnan(intervals[at]).any():
        return None
    return float(intervals[at, 0]), float(intervals[at, 1])


def _places(given: Ballots) -> Places:
    from scipy import stats

    chosen = np.bincount(given.place, minlength=int(given.shown.sum(axis=1).max()))
    return Places(chosen=tuple(map(int, chosen)), p=float(stats.chisquare(chosen).pvalue))


def _notes(
    given: Ballots, about: About, strength: NDArray[np.float64] | None, alpha: float
) -> tuple[str, ...]:
    votes = np.bincount(given.chosen, minlength=len(given.methods))
    shown = given.shown.sum(axis=0)
    never = [about.titles[given.methods[i]] for i in np.flatnonzero((votes == 0) & (shown > 0))]
    notes = []
    if never:
        notes.append(
            f"Never chosen: {', '.join(never)}. Without a vote there is no strength, and no "
            "interval over raters and images: quote Wilson's, which is too narrow where votes are "
            "alike."
        )
    if min(given.raters, given.images) < FEWEST:
        notes.append(
            f"No intervals over raters and images: these need {FEWEST} of each, and there are "
            f"{given.raters} and {given.images}."
        )
    if strength is None:
        notes.append(
            "No strengths: some methods were never chosen over all the others, and nothing bounds "
            "how weak they are."
        )
    if np.isnan(alpha):
        notes.append("No agreement: no two raters judged the same trial, or all votes are alike.")
    return tuple(notes)
