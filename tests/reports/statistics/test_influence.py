"""The influence of images on FID, against differences and against FID of other images."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.metrics.frechet import frechet_distance
from reports.statistics.influence import frechet_influence


def features(generator: np.random.Generator, n: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    spectrum = 1 / np.sqrt(1 + np.arange(d))
    hr = generator.gamma(2.0, size=(n, d)) * spectrum
    return 0.8 * hr + 0.3 * generator.standard_normal((n, d)) * spectrum + 0.02, hr


def weighted_distance(sr: np.ndarray, hr: np.ndarray, weights: np.ndarray) -> float:
    """FID of images that count several times, or a fraction of one time, by its definition."""
    n, total = len(sr), weights.sum()
    means = [weights @ part / total for part in (sr, hr)]
    a, b = (
        np.sqrt(weights * n / (total * (n - 1)))[:, None] * (part - mean)
        for part, mean in zip((sr, hr), means, strict=True)
    )
    overlap = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    return float(np.sum((means[0] - means[1]) ** 2) + np.sum(a**2) + np.sum(b**2) - 2 * overlap)


@pytest.mark.parametrize(("n", "d"), [(12, 30), (40, 8)])
def test_it_is_the_derivative_in_the_weight_of_an_image(n: int, d: int) -> None:
    sr, hr = features(np.random.default_rng(1), n, d)
    assert weighted_distance(sr, hr, np.ones(n)) == pytest.approx(frechet_distance(sr, hr))
    step = 1e-5
    slopes = [
        (
            weighted_distance(sr, hr, 1 + step * np.eye(n)[i])
            - weighted_distance(sr, hr, 1 - step * np.eye(n)[i])
        )
        / (2 * step)
        for i in range(n)
    ]
    np.testing.assert_allclose(frechet_influence(sr, hr), n * np.array(slopes), atol=1e-6)


def test_it_sums_to_zero() -> None:
    sr, hr = features(np.random.default_rng(2), 30, 50)
    assert frechet_influence(sr, hr).sum() == pytest.approx(0, abs=1e-9)


def test_its_spread_is_that_of_fid_over_sets_of_images() -> None:
    generator = np.random.default_rng(3)
    sets = [features(generator, 50, 64) for _ in range(200)]
    spread = np.std([frechet_distance(*one) for one in sets], ddof=1)
    ours = [frechet_influence(*one).std(ddof=1) / np.sqrt(50) for one in sets[:40]]
    assert np.mean(ours) == pytest.approx(spread, rel=0.15)
