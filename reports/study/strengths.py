"""Strengths: how likely a method is chosen whatever it is shown with.

Luce's choice model: of the methods B that are shown, m is chosen with probability
exp(s_m) / sum of exp(s_b) over b in B. With two of them it is the model of Bradley and Terry
(1952), with more that of Plackett and Luce for the first place. The sum of all strengths is 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reports.study.ballots import Ballots

_PENALTY = 1e-3  # of the sum of squared strengths: keeps finite what a resample never chose
_MOST_STEPS = 100
_LONGEST = 2.0  # step of a strength
_CLOSE = 1e-9
_BATCH = 256  # fits in memory at a time


def strengths(given: Ballots) -> NDArray[np.float64] | None:
    """Return the strengths of all methods: maximum likelihood, by choix.

    Nothing bounds how weak a method is that was never chosen. It has no strength (NaN), and those
    of the others are the limit as its strength falls: what they are without it. None where the
    others fall into groups of which one was never chosen over another.
    """
    import choix

    known = _chosen_ever(given)
    shown = given.shown & known
    beats = np.zeros((len(known), len(known)), dtype=np.bool_)
    np.logical_or.at(beats, given.chosen, shown)
    if known.sum() < 2 or not _strongly_connected(beats[np.ix_(known, known)]):
        return None
    number = np.cumsum(known) - 1  # among those that have a strength
    data = [
        (int(number[winner]), tuple(number[row & (np.arange(len(row)) != winner)].tolist()))
        for winner, row in zip(given.chosen, shown, strict=True)
    ]
    found = np.asarray(choix.ilsr_top1(int(known.sum()), [one for one in data if one[1]]))
    every = np.full(len(known), np.nan)
    every[known] = found - found.mean()
    return every


def _chosen_ever(given: Ballots) -> NDArray[np.bool_]:
    """Return which methods were chosen over one that was itself chosen so: (methods,)."""
    known = np.ones(len(given.methods), dtype=np.bool_)
    while True:
        contested = (given.shown & known).sum(axis=1) > 1
        wins = np.bincount(given.chosen[contested], minlength=len(known)) > 0
        if (known & wins == known).all():
            return known
        known &= wins


def _strongly_connected(beats: NDArray[np.bool_]) -> bool:
    """Whether every method was chosen over every other, maybe by way of others (Ford 1957)."""
    from scipy.sparse.csgraph import connected_components

    parts, _ = connected_components(beats, directed=True, connection="strong")
    return int(parts) == 1


def refits(
    counts: NDArray[np.float64], blocks: NDArray[np.bool_], start: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the strengths of many resamples at once: Newton's method on the same likelihood.

    choix takes votes one by one, and would for each of thousands of resamples; what differs between
    them is only how often each choice was made.

    Args:
        counts: (resamples, blocks, methods) how often each method was chosen among each block.
        blocks: (blocks, methods) which were shown.
        start: strengths to begin with; NaN for methods that have none.

    Returns:
        (resamples, methods)
    """
    known = np.isfinite(start)
    shown = blocks[:, known].astype(np.float64)
    several = shown.sum(axis=1) > 1  # a method without rivals tells nothing
    votes = counts[:, several][..., known]
    found = np.full((len(counts), len(start)), np.nan)
    for at in range(0, len(counts), _BATCH):
        part = slice(at, at + _BATCH)
        found[part, known] = _refit(votes[part], shown[several], start[known])
    return found


def _refit(
    counts: NDArray[np.float64], blocks: NDArray[np.float64], start: NDArray[np.float64]
) -> NDArray[np.float64]:
    strength = np.tile(start, (len(counts), 1))
    n = counts.sum(axis=2)[..., None]  # (resamples, blocks, 1)
    chosen = counts.sum(axis=1)
    ridge = 2 * _PENALTY * np.eye(len(start))
    for _ in range(_MOST_STEPS):
        odds = np.exp(strength)[:, None, :] * blocks
        p = odds / odds.sum(axis=2, keepdims=True)  # (resamples, blocks, methods)
        expected = (n * p).sum(axis=1)
        gradient = chosen - expected - 2 * _PENALTY * strength
        hessian = ridge - np.swapaxes(n * p, 1, 2) @ p
        hessian[:, np.arange(len(start)), np.arange(len(start))] += expected
        step = np.linalg.solve(hessian, gradient[..., None])[..., 0].clip(-_LONGEST, _LONGEST)
        strength += step
        if np.abs(step).max() < _CLOSE:
            break
    centred: NDArray[np.float64] = strength - strength.mean(axis=1, keepdims=True)
    return centred
