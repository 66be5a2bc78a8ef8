"""The prompts of DiT4SR and MFSR, verbatim, and the words that the small models know."""

from __future__ import annotations

import re

# DiT4SR (test_wollava.py): appended to the caption after a space; the trailing space is upstream's.
DIT4SR_ADDED = (
    "Cinematic, hyper sharpness, highly detailed, perfect without deformations, camera, "
    "hyper detailed photo - realistic maximum detail, 32k, Color Grading, ultra HD, extreme "
    "meticulous detailing, skin pore detailing. "
)
DIT4SR_NEGATIVE = (
    "motion blur, noisy, dotted, bokeh, pointed, CG Style, 3D render, unreal engine, blurring, "
    "dirty, messy, worst quality, low quality, frames, watermark, signature, jpeg artifacts, "
    "deformed, lowres, chaotic"
)

# MFSR, footnote 1: the negative prompt of Eq. 11.
MFSR_NEGATIVE = (
    "oil painting, cartoon, blur, dirty, messy, low quality, deformation, low resolution, "
    "oversmooth."
)

# The small models' stand-in for a caption, and the phrases of MFSR_NEGATIVE, which they learn.
TINY_POSITIVE = "sharp, clean, highly detailed"
TINY_NEGATIVE_WORDS = tuple(MFSR_NEGATIVE.rstrip(".").split(", "))
TINY_VOCABULARY = (*TINY_POSITIVE.split(", "), *TINY_NEGATIVE_WORDS)

# DiT4SR's: a sentence of a caption that holds one of these, anywhere and in any case, is dropped.
_UNWANTED = (
    *("focus", "focal", "prominent", "close-up", "black and white"),
    *("blur", "depth", "dense", "locate", "position"),
)


def drop_focus_sentences(caption: str) -> str:
    """Return a caption without its sentences about focus, blur and places in the image.

    >>> drop_focus_sentences("A cat. The background is blurred. Is it asleep?")
    'A cat. Is it asleep?'
    """
    sentences = re.findall(r"[^.?!]*[.?!]|[^.?!]+$", caption)
    return "".join(s for s in sentences if not any(w in s.lower() for w in _UNWANTED)).strip()
