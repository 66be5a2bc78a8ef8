"""The prompts of DiT4SR and MFSR, verbatim, and the words that the small models know."""

from __future__ import annotations

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
