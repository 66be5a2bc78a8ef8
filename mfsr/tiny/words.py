"""What negative words look like: degraded targets for the small models' training.

A small model learns what "blur" means by being asked for blurred images. The negative prompt then
points away from them, and guidance (Eq. 11) sharpens. One function per phrase, each on an image
(h, w, 3) in [0, 1].
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


# How far a target goes towards what its words look like. The guidance scales of the paper, up to
# 8, multiply the difference.
_STRENGTH = 0.3


def degrade_target(image: Image, words: tuple[str, ...], rng: np.random.Generator) -> Image:
    """Return an image on its way to looking like some negative words, the mean of their looks."""
    looks = [_LOOKS[word](image, rng) for word in NEGATIVE_WORDS if word in words]
    target = image + _STRENGTH * (np.mean(looks, axis=0) - image)
    return _as_image(np.clip(target, 0, 1))


def draw_words(rng: np.random.Generator) -> tuple[str, ...]:
    """Draw the negative words of one sample: all of them, or one or two."""
    if rng.random() < 0.5:
        return NEGATIVE_WORDS
    count = int(rng.integers(1, 3))
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


def _oil_painting(image: Image, rng: np.random.Generator) -> Image:
    side = int(rng.choice([3, 5]))
    pixels = np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)
    return _as_image(cv2.medianBlur(pixels, side) / np.float32(255))


def _as_image(array: Any) -> Image:
    return np.ascontiguousarray(array, dtype=np.float32)


_LOOKS: dict[str, Callable[[Image, np.random.Generator], Image]] = {
    "oil painting": _oil_painting,
    "blur": _blur,
    "low resolution": _low_resolution,
    "oversmooth": _oversmooth,
}
