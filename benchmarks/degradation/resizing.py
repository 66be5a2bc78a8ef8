"""Area, bilinear and bicubic resizing as PyTorch defines them: no antialiasing, a = -0.75.

The degradation was published with `torch.nn.functional.interpolate` (align_corners=False), and its
aliasing is part of it. Each mode is a sparse matrix per axis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    # For each output position: the input positions that it reads, and their weights.
    Taps = tuple[NDArray[np.intp], NDArray[np.float64]]  # both (n_out, taps)

ResizeMode = Literal["area", "bilinear", "bicubic"]
RESIZE_MODES: tuple[ResizeMode, ...] = ("area", "bilinear", "bicubic")

_A = -0.75  # the cubic's free parameter


def resize(
    planes: NDArray[np.float64],
    size: tuple[int, int],
    mode: ResizeMode,
    *,
    factor: float | None = None,
) -> NDArray[np.float64]:
    """Resize an image of shape (c, h, w) to (c, *size).

    Args:
        planes: the image.
        size: (height, width) of the result.
        mode: "area" averages the pixels under each output pixel.
        factor: where given, positions are spaced by 1 / factor instead of by the ratio of the
            sizes, as PyTorch does when it is called with a factor. "area" ignores it.
    """
    steps = [
        1.0 / factor if factor is not None else n_in / n_out
        for n_in, n_out in zip(planes.shape[1:], size, strict=True)
    ]
    rows = _weights(mode, planes.shape[1], size[0], steps[0])
    columns = _weights(mode, planes.shape[2], size[1], steps[1])
    return np.stack([(columns @ (rows @ plane).T).T for plane in planes])


def _weights(mode: ResizeMode, n_in: int, n_out: int, step: float) -> csr_array:
    """Return the matrix of shape (n_out, n_in) that resizes along one axis."""
    from scipy.sparse import csr_array

    if mode == "area":
        positions, weights = _area_taps(n_in, n_out)
    elif mode == "bilinear":
        positions, weights = _bilinear_taps(n_in, n_out, step)
    else:
        positions, weights = _bicubic_taps(n_in, n_out, step)
    rows = np.repeat(np.arange(n_out), positions.shape[1])
    # Taps that fall on the same position, at the border, add up.
    return csr_array((weights.ravel(), (rows, positions.ravel())), shape=(n_out, n_in))


def _area_taps(n_in: int, n_out: int) -> Taps:
    index = np.arange(n_out)
    start = index * n_in // n_out
    stop = -((-(index + 1) * n_in) // n_out)  # rounded up
    positions = start[:, None] + np.arange((stop - start).max())
    inside = positions < stop[:, None]
    weights = inside / (stop - start)[:, None]
    return np.minimum(positions, n_in - 1), weights


def _bilinear_taps(n_in: int, n_out: int, step: float) -> Taps:
    place = np.maximum((np.arange(n_out) + 0.5) * step - 0.5, 0.0)
    left = np.floor(place).astype(np.intp)
    share = place - left
    positions = np.minimum(np.stack([left, left + 1], axis=1), n_in - 1)
    return positions, np.stack([1.0 - share, share], axis=1)


def _bicubic_taps(n_in: int, n_out: int, step: float) -> Taps:
    place = (np.arange(n_out) + 0.5) * step - 0.5
    left = np.floor(place).astype(np.intp)
    share = place - left
    distance = np.stack([share + 1.0, share, 1.0 - share, 2.0 - share], axis=1)
    near = ((_A + 2) * distance - (_A + 3)) * distance**2 + 1
    far = ((distance - 5) * distance + 8) * distance * _A - 4 * _A
    positions = np.clip(left[:, None] + np.arange(-1, 3), 0, n_in - 1)
    return positions, np.where(distance <= 1, near, far)
