"""The Frechet distance of two sets of features, without a matrix square root.

With A and B the centred features over sqrt(n - 1), so that S1 = A^T A and S2 = B^T B,

    tr sqrt(S1 S2) = || A B^T ||_*    (nuclear norm),    tr S = || A ||_F^2,

which is exact, in float64, and takes singular values of an n x n matrix where the usual way takes
the square root of a singular 2048 x 2048 one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.api.errors import ScoreError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FEWEST = 2  # one image has no covariance


def frechet_distance(sr: NDArray[np.floating[Any]], hr: NDArray[np.floating[Any]]) -> float:
    """Return |m1 - m2|^2 + tr(S1 + S2 - 2 sqrt(S1 S2)) of features (n1, d) and (n2, d).

    Raises:
        ScoreError: a set has fewer than two images, or features differ in length or are not finite.
    """
    _check(sr, hr)
    first, second = sr.astype(np.float64), hr.astype(np.float64)
    shift = first.mean(axis=0) - second.mean(axis=0)
    a, b = _root(first), _root(second)
    overlap = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    distance = shift @ shift + np.sum(a * a) + np.sum(b * b) - 2 * overlap
    return max(float(distance), 0.0)  # equal sets: rounding may leave -1e-12


def _root(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return R (min(n, d), d) with R^T R the covariance of features (n, d)."""
    count, length = features.shape
    centred: NDArray[np.float64] = (features - features.mean(axis=0)) / np.sqrt(count - 1)
    if count <= length:
        return centred
    root: Any = np.linalg.qr(centred, mode="r")
    triangle: NDArray[np.float64] = root
    return triangle


def _check(sr: NDArray[np.floating[Any]], hr: NDArray[np.floating[Any]]) -> None:
    if sr.ndim != 2 or hr.ndim != 2 or sr.shape[1] != hr.shape[1]:
        raise ScoreError(f"Features of shapes {sr.shape} and {hr.shape} cannot be compared.")
    if min(len(sr), len(hr)) < _FEWEST:
        raise ScoreError(
            f"A Frechet distance needs at least {_FEWEST} images per set; "
            f"there are {len(sr)} SR and {len(hr)} HR."
        )
    if not (np.isfinite(sr).all() and np.isfinite(hr).all()):
        raise ScoreError("A Frechet distance needs finite features.")
