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

    None where there is no maximum: some methods were never chosen over the others, so that nothing
    bounds how weak they are.
    """
    import choix

    beats = np.zeros((len(given.methods), len(given.methods)), dtype=np.bool_)
    np.logical_or.at(beats, given.chosen, given.shown)
    if not _strongly_connected(beats):
        return None
    data = [
        (int(winner), tuple(np.flatnonzero(row & (np.arange(len(row)) != winner)).tolist()))
        for winner, row in zip(given.chosen, given.shown, strict=True)
    ]
    found = choix.ilsr_top1(len(given.methods), data)
    return np.asarray(found - found.mean(), dtype=np.float64)


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
        start: strengths to begin with.

    Returns:
        (resamples, methods)
    """
    parts = [
        _refit(counts[at : at + _BATCH], blocks.astype(np.float64), start)
        for at in range(0, len(counts), _BATCH)
    ]
    return np.concatenate(parts)


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
