"""JPEG compression and decompression at a real-valued quality, without a codec.

The degradation draws a real quality, and a codec's version must not change the bytes of a test
set; so the lossy part of JPEG is computed here: YCbCr, 4:2:0 chroma by averaging, 8x8 DCT,
quantisation, and back, chroma by repetition. Entropy coding loses nothing and is left out. The
quantisation tables stay real-valued, as published, where a codec rounds them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# ITU-T T.81, Annex K, tables K.1 and K.2.
_LUMA_TABLE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    dtype=np.float64,
)
_CHROMA_TABLE = np.full((8, 8), 99.0)
_CHROMA_TABLE[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]

_BLOCK = 16  # of luma pixels, for which 4:2:0 has whole chroma blocks


def compress(planes: NDArray[np.float64], quality: float) -> NDArray[np.float64]:
    """Return an image as it comes back from JPEG compression.

    Args:
        planes: image of shape (3, h, w); clipped to [0, 1] first.
        quality: libjpeg's quality in (0, 100], any real number.
    """
    factor = (50.0 / quality) if quality < 50 else (2.0 - quality / 50.0)
    height, width = planes.shape[1:]
    rest = ((0, 0), (0, -height % _BLOCK), (0, -width % _BLOCK))
    luma, *chroma = _to_ycbcr(np.pad(np.clip(planes, 0.0, 1.0), rest, mode="edge") * 255.0)
    luma = _quantise(luma, _LUMA_TABLE * factor)
    blue, red = (_repeat(_quantise(_halve(plane), _CHROMA_TABLE * factor)) for plane in chroma)
    result = np.clip(_to_rgb(luma, blue, red), 0.0, 255.0) / 255.0
    return result[:, :height, :width]


def _quantise(plane: NDArray[np.float64], table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round the DCT coefficients of each 8x8 block to multiples of `table`."""
    from scipy.fft import dctn, idctn

    table = np.clip(table, 1.0, 255.0)  # what an 8-bit table can hold
    height, width = plane.shape
    blocks = plane.reshape(height // 8, 8, width // 8, 8)
    table = table.reshape(8, 1, 8)
    coefficients = dctn(blocks - 128.0, axes=(1, 3), norm="ortho")
    coefficients = np.rint(coefficients / table) * table
    result: NDArray[np.float64] = idctn(coefficients, axes=(1, 3), norm="ortho") + 128.0
    return result.reshape(height, width)


def _halve(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average each 2x2 square."""
    rows = plane[0::2] + plane[1::2]
    return (rows[:, 0::2] + rows[:, 1::2]) * 0.25


def _repeat(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    return plane.repeat(2, axis=0).repeat(2, axis=1)


# JFIF's full-range BT.601.
def _to_ycbcr(planes: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    red, green, blue = planes
    return (
        0.299 * red + 0.587 * green + 0.114 * blue,
        128.0 - 0.168736 * red - 0.331264 * green + 0.5 * blue,
        128.0 + 0.5 * red - 0.418688 * green - 0.081312 * blue,
    )


def _to_rgb(
    luma: NDArray[np.float64], blue: NDArray[np.float64], red: NDArray[np.float64]
) -> NDArray[np.float64]:
    blue, red = blue - 128.0, red - 128.0
    return np.stack(
        [luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue]
    )
