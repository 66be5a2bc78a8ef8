"""What negative words look like: degraded targets for the small models' training.

A small model learns what "blur" means by being asked for blurred images. The negative prompt then
points away from them, and guidance (Eq. 11) sharpens. One function per phrase of the paper's
negative prompt, each on an image (h, w, 3) in [0, 1].
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mfsr.tiny.prompts import NEGATIVE_WORDS

if TYPE_CHECKING:
    from collections.abc import Callable

Image = NDArray[np.float32]


def degrade_target(image: Image, words: tuple[str, ...], rng: np.random.Generator) -> Image:
    """Return what an image looks like under all of some negative words, in the paper's order."""
    for word in NEGATIVE_WORDS:
        if word in words:
            image = _LOOKS[word](image, rng)
    return np.clip(image, 0, 1).astype(np.float32)


def draw_words(rng: np.random.Generator) -> tuple[str, ...]:
    """Draw the negative words of one sample: all of them, or one, two or three."""
    if rng.random() < 0.25:
        return NEGATIVE_WORDS
    count = int(rng.integers(1, 4))
    chosen = rng.choice(len(NEGATIVE_WORDS), size=count, replace=False)
    return tuple(NEGATIVE_WORDS[index] for index in sorted(chosen))


def _blur(image: Image, rng: np.random.Generator) -> Image:
    return _as_image(cv2.GaussianBlur(image, (0, 0), rng.uniform(1.0, 2.5)))


def _low_resolution(image: Image, rng: np.random.Generator) -> Image:
    height, width = image.shape[:2]
    factor = rng.uniform(2, 4)
    size = max(1, round(width / factor)), max(1, round(height / factor))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return _as_image(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC))


def _oversmooth(image: Image, rng: np.random.Generator) -> Image:
    return _as_image(cv2.bilateralFilter(image, 7, rng.uniform(0.05, 0.15), rng.uniform(2, 4)))


def _cartoon(image: Image, rng: np.random.Generator) -> Image:
    levels = rng.integers(12, 24)
    return _as_image(np.round(_oversmooth(image, rng) * levels) / levels)


def _oil_painting(image: Image, rng: np.random.Generator) -> Image:
    side = int(rng.choice([3, 5]))
    pixels = np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)
    return _as_image(cv2.medianBlur(pixels, side) / np.float32(255))


def _dirty(image: Image, rng: np.random.Generator) -> Image:
    return _as_image(image + rng.normal(0, rng.uniform(0.02, 0.06), image.shape[:2])[..., None])


def _messy(image: Image, rng: np.random.Generator) -> Image:
    grain = rng.normal(0, rng.uniform(0.05, 0.1), image.shape[:2]).astype(np.float32)
    return _as_image(image + cv2.GaussianBlur(grain, (0, 0), 1.0)[..., None])


def _low_quality(image: Image, rng: np.random.Generator) -> Image:
    pixels = np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)
    quality = int(rng.integers(10, 35))
    _, coded = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    assert decoded is not None
    return _as_image(decoded[..., ::-1] / np.float32(255))


def _deformation(image: Image, rng: np.random.Generator) -> Image:
    height, width = image.shape[:2]
    field = rng.normal(0, 1, (2, height, width)).astype(np.float32)
    shift = [cv2.GaussianBlur(part, (0, 0), 6.0) * 18 for part in field]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    warped = cv2.remap(
        image, x + shift[0], y + shift[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    return _as_image(warped)


def _as_image(array: Any) -> Image:
    return np.ascontiguousarray(array, dtype=np.float32)


_LOOKS: dict[str, Callable[[Image, np.random.Generator], Image]] = {
    "oil painting": _oil_painting,
    "cartoon": _cartoon,
    "blur": _blur,
    "dirty": _dirty,
    "messy": _messy,
    "low quality": _low_quality,
    "deformation": _deformation,
    "low resolution": _low_resolution,
    "oversmooth": _oversmooth,
}
