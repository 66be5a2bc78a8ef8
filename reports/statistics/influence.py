"""FID as a mean over images, so that it has intervals and paired tests like any other column.

FID is one number of a set. Resampling the images and computing it again does not show how far it
would be from itself on other images: a resample repeats images, and FID grows with every repeated
one (docs/statistics.md has by how much). What an image contributes shows it: the derivative of FID
in that image's weight, its influence. To first order

    FID(other images) = FID + mean of their influences,

so the values FID + influence have FID as their mean and its spread over images as theirs (the
infinitesimal jackknife, Jaeckel 1972).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RANK = 1e-10  # of the largest singular value


def frechet_influence(
    sr: NDArray[np.floating[Any]], hr: NDArray[np.floating[Any]]
) -> NDArray[np.float64]:
    """Return the influence of each image (n,) on the Frechet distance; their mean is zero.

    Args:
        sr: features (n, d) of the results.
        hr: features (n, d) of their references, row by row of the same images.
    """
    n = len(sr)
    first, second = sr.astype(np.float64), hr.astype(np.float64)
    shift = first.mean(axis=0) - second.mean(axis=0)
    a, b = first - first.mean(axis=0), second - second.mean(axis=0)
    # |m1 - m2|^2 + tr S1 + tr S2 - 2 || D A B^T D ||_* with D^2 = diag(weights) / (n - 1).
    # The centres move too, but only along the null space of A B^T: no first-order effect.
    slope = 2 * (a - b) @ shift / n
    slope += (np.sum(a * a, axis=1) + np.sum(b * b, axis=1)) / (n - 1)
    slope -= 2 * _nuclear_slope(a, b) / (n - 1)
    influence: NDArray[np.float64] = n * (slope - slope.mean())
    return influence


def _nuclear_slope(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the derivative of || D A B^T D ||_* in the diagonal of D^2, at D = 1: (n,).

    d || M ||_* = tr(P^T dM) with the polar factor P = U V^T of M = U S V^T.
    """
    root_a, root_b = np.linalg.qr(a), np.linalg.qr(b)  # n > d: the decomposition is d x d
    u, s, vt = np.linalg.svd(root_a.R @ root_b.R.T)
    kept = s > _RANK * s.max(initial=0)
    p_left, p_right = root_a.Q @ u[:, kept], root_b.Q @ vt[kept].T  # P = p_left p_right^T
    # diag(M P^T) = rows of A (B^T p_right) against p_left, and diag(M^T P) likewise.
    rows = np.sum((a @ (b.T @ p_right)) * p_left, axis=1)
    columns = np.sum((b @ (a.T @ p_left)) * p_right, axis=1)
    halves: NDArray[np.float64] = (rows + columns) / 2
    return halves
