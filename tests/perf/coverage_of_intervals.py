"""How often 95 % intervals hold the true mean, and what resampling images does to FID.

    python tests/perf/coverage_of_intervals.py

Not a benchmark of time: the figures of docs/statistics.md. Values are log-normal (sigma 1), more
skewed than any metric; their true mean is known.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from benchmarks.metrics.frechet import frechet_distance
from reports.statistics.intervals import mean_intervals

_SETS = 600
_SETS_BCA = 300  # SciPy's is slow
_RESAMPLES = 1_999
_TRUE = math.exp(0.5)


def _coverage(n: int) -> dict[str, float]:
    """Return the share of intervals of each kind that hold the true mean of sets of n values."""
    sets = np.random.default_rng(0).lognormal(size=(_SETS, n))
    mean = sets.mean(axis=1)
    error = sets.std(axis=1, ddof=1) / math.sqrt(n)
    half = {
        "normal": stats.norm.ppf(0.975) * error,
        "Student's t": stats.t.ppf(0.975, n - 1) * error,
    }
    bounds = {name: (mean - width, mean + width) for name, width in half.items()}
    bounds["percentile bootstrap"] = np.transpose([_percentile(values) for values in sets])
    bounds["BCa bootstrap"] = np.transpose([_bca(values) for values in sets[:_SETS_BCA]])
    ours = mean_intervals(sets.T, 0, n_resamples=_RESAMPLES).T
    bounds["studentised bootstrap (ours)"] = (ours[0], ours[1])
    return {
        name: float(np.mean((low <= _TRUE) & (high >= _TRUE)))
        for name, (low, high) in bounds.items()
    }


def _percentile(values: np.ndarray) -> np.ndarray:
    chosen = np.random.default_rng(1).integers(0, len(values), (_RESAMPLES, len(values)))
    return np.quantile(values[chosen].mean(axis=1), [0.025, 0.975])


def _bca(values: np.ndarray) -> tuple[float, float]:
    found = stats.bootstrap((values,), np.mean, n_resamples=999, rng=np.random.default_rng(1))
    return found.confidence_interval.low, found.confidence_interval.high


def _fid_of_resamples(n: int = 100, d: int = 64) -> tuple[float, float]:
    """Return FID of two sets of n features, and the mean FID of resamples of the first."""
    generator = np.random.default_rng(2)
    sr, hr = generator.normal(size=(n, d)), generator.normal(size=(n, d)) * 1.1
    again = [frechet_distance(sr[generator.integers(0, n, n)], hr) for _ in range(100)]
    return frechet_distance(sr, hr), float(np.mean(again))


if __name__ == "__main__":
    for size in (8, 17, 93):
        print(size, {name: round(share, 3) for name, share in _coverage(size).items()})
    print("FID, and the mean FID of resamples: {:.2f}, {:.2f}".format(*_fid_of_resamples()))
