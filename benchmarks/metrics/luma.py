"""Luma in the two conventions that papers use: the difference is 1.32 dB of PSNR.

`y601` is BT.601 studio range, 16 to 235; `yiq` is the full range, 0 to 255. PSNR differs by
20 log10(255 / 219) = 1.3219 dB between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from benchmarks.metrics.arithmetic import divided

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.metrics.arithmetic import Arithmetic

Space = Literal["y601", "yiq"]


@dataclass(frozen=True, slots=True)
class _Conversion:
    weights: tuple[float, float, float]  # for R, G, B in [0, 1]
    offset: float
    scale: float  # luma in [0, 1] = (weights . rgb + offset) / scale


_CONVERSIONS: dict[Space, _Conversion] = {
    "y601": _Conversion((65.481, 128.553, 24.966), 16.0, 255.0),
    "yiq": _Conversion((0.299, 0.587, 0.114), 0.0, 1.0),
}


def luma(image: NDArray[np.uint8], space: Space) -> NDArray[np.float64]:
    """Return an image's luma (h, w) in [0, 1], unrounded."""
    conversion = _CONVERSIONS[space]
    weights = np.array(conversion.weights) / (255.0 * conversion.scale)
    plane: NDArray[np.float64] = image @ weights + conversion.offset / conversion.scale
    return plane


def luma_of_difference(
    sr: NDArray[np.uint8], hr: NDArray[np.uint8], space: Space
) -> NDArray[np.float64]:
    """Return the difference (h, w) of two images' luma in [0, 1], unrounded.

    Luma is linear and its offset cancels, so it is the luma of the difference.
    """
    conversion = _CONVERSIONS[space]
    weights = np.array(conversion.weights) / (255.0 * conversion.scale)
    difference: NDArray[np.float64] = (sr.astype(np.int16) - hr) @ weights
    return difference


def grey_levels(
    image: NDArray[np.uint8], space: Space, arithmetic: Arithmetic = "cuda"
) -> NDArray[np.float64]:
    """Return an image's luma (h, w) rounded to whole grey levels, as MATLAB reads 8-bit images."""
    red, green, blue = _tables(space, arithmetic)
    # The tables are float64: a product that is exact in them and a sum that is rounded to float32
    # make a fused multiply-add.
    luma = (red[image[..., 0]] + green[image[..., 1]]).astype(np.float32)
    luma = (luma + blue[image[..., 2]]).astype(np.float32)
    conversion = _CONVERSIONS[space]
    if conversion.offset:
        luma += np.float32(conversion.offset)
        luma = divided(luma, conversion.scale, arithmetic)
    levels: NDArray[np.float64] = np.rint(luma * np.float32(255)).astype(np.float64)
    return levels


@cache
def _tables(
    space: Space, arithmetic: Arithmetic
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return what each of the 256 values of R, G and B adds to luma."""
    values = divided(np.arange(256, dtype=np.float32), 255.0, arithmetic).astype(np.float64)
    red, green, blue = (values * np.float64(np.float32(w)) for w in _CONVERSIONS[space].weights)
    red = _to_float32(red)  # nothing to fuse the first product with
    if arithmetic == "cpu":
        green, blue = _to_float32(green), _to_float32(blue)
    return red, green, blue


def _to_float32(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values.astype(np.float32).astype(np.float64)
