from __future__ import annotations

import math

import numpy as np
import pytest
import scipy

from benchmarks.api.errors import ScoreError
from benchmarks.metrics.frechet import frechet_distance

# clean-fid asks SciPy's sqrtm for an argument that SciPy 1.18 removes.
_needs_old_scipy = pytest.mark.skipif(
    tuple(map(int, scipy.__version__.split(".")[:2])) >= (1, 18),
    reason="clean-fid's own distance does not run with SciPy 1.18",
)


def _features(count: int, length: int, seed: int, shift: float = 0.0) -> np.ndarray:
    random = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(length, length)) / math.sqrt(length)
    return np.maximum(random.normal(shift, 1, (count, length)) @ mixing, 0).astype(np.float32)


def _clean_fid(sr: np.ndarray, hr: np.ndarray) -> float:
    from cleanfid.fid import frechet_distance as theirs

    moments = []
    for features in (sr.astype(np.float64), hr.astype(np.float64)):
        moments += [features.mean(axis=0), np.cov(features, rowvar=False)]
    return float(theirs(*moments))


@_needs_old_scipy
@pytest.mark.filterwarnings("ignore:The `disp` argument:DeprecationWarning")
@pytest.mark.parametrize(
    ("n_sr", "n_hr", "length"),
    [(200, 220, 32), (100, 100, 100), (40, 30, 64), (20, 90, 48)],
    ids=["more images", "square", "singular", "one singular"],
)
def test_agrees_with_clean_fids_own_function(n_sr: int, n_hr: int, length: int) -> None:
    sr, hr = _features(n_sr, length, 1, 0.3), _features(n_hr, length, 2)
    assert frechet_distance(sr, hr) == pytest.approx(_clean_fid(sr, hr), rel=1e-6)


def test_one_dimension_has_its_closed_form() -> None:
    sr, hr = np.random.default_rng(0).normal(size=(2, 50, 1)) * [[[2.0]], [[1.0]]]
    expected = (sr.mean() - hr.mean()) ** 2 + (sr.std(ddof=1) - hr.std(ddof=1)) ** 2
    assert frechet_distance(sr, hr) == pytest.approx(expected)


def test_diagonal_covariances_have_their_closed_form() -> None:
    # Orthogonal columns: covariances commute, and the square root is taken column by column.
    q, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(64, 9)))
    q -= q.mean(axis=0)
    q, _ = np.linalg.qr(q)
    first, second = np.arange(1.0, 10.0), np.linspace(3, 5, 9)
    expected = 4 * 9 + np.sum((first - second) ** 2) / 63
    assert frechet_distance(q * first + 2, q * second) == pytest.approx(expected)


@pytest.mark.parametrize(("count", "length"), [(10, 40), (60, 8)])
def test_a_set_is_at_no_distance_from_itself(count: int, length: int) -> None:
    features = _features(count, length, 3)
    assert frechet_distance(features, features) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(features, features[::-1]) >= 0


def test_constant_features_leave_the_means() -> None:
    assert frechet_distance(np.ones((4, 3)), np.zeros((5, 3))) == pytest.approx(3.0)


def test_is_symmetric() -> None:
    sr, hr = _features(30, 12, 4), _features(25, 12, 5, 0.2)
    assert frechet_distance(sr, hr) == pytest.approx(frechet_distance(hr, sr))


def test_one_image_is_refused() -> None:
    with pytest.raises(ScoreError, match="1 SR and 5 HR"):
        frechet_distance(np.ones((1, 3)), np.ones((5, 3)))


def test_features_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(ScoreError, match="cannot be compared"):
        frechet_distance(np.ones((3, 4)), np.ones((3, 5)))
    with pytest.raises(ScoreError, match="finite"):
        frechet_distance(np.full((3, 4), np.nan), np.ones((3, 4)))
