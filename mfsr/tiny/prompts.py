"""The prompts of MFSR and of the small models."""

# MFSR, footnote 1: the negative prompt of Eq. 11.
MFSR_NEGATIVE = (
    "oil painting, cartoon, blur, dirty, messy, low quality, deformation, low resolution, "
    "oversmooth."
)

# The small models' stand-in for a caption, and the phrases of MFSR_NEGATIVE, which they learn.
POSITIVE = "sharp, clean, highly detailed"
NEGATIVE_WORDS = tuple(MFSR_NEGATIVE.rstrip(".").split(", "))
VOCABULARY = (*POSITIVE.split(", "), *NEGATIVE_WORDS)
