from __future__ import annotations

import numpy as np
import pytest

from mfsr.tiny.prompts import MFSR_NEGATIVE, NEGATIVE_WORDS
from mfsr.tiny.words import degrade_target, draw_words


def photo() -> np.ndarray:
    from skimage import data

    return (data.astronaut()[:96, 60:156] / 255).astype(np.float32)


def sharpness(image: np.ndarray) -> float:
    return float(np.abs(np.diff(image, axis=0)).mean())


@pytest.mark.parametrize("words", [*((word,) for word in NEGATIVE_WORDS), NEGATIVE_WORDS])
def test_every_word_takes_a_little_detail_away(words: tuple[str, ...]) -> None:
    image = photo()
    out = degrade_target(image, words, np.random.default_rng(0))
    assert out.shape == image.shape and out.dtype == np.float32
    assert out.min() >= 0 and out.max() <= 1
    assert 0.6 < sharpness(out) / sharpness(image) < 0.99


def test_the_words_are_among_those_of_the_papers_negative_prompt() -> None:
    assert set(NEGATIVE_WORDS) < set(MFSR_NEGATIVE.rstrip(".").split(", "))
    rng = np.random.default_rng(0)
    drawn = [draw_words(rng) for _ in range(200)]
    assert {word for words in drawn for word in words} == set(NEGATIVE_WORDS)
    assert {len(words) for words in drawn} == {1, 2, 4}
