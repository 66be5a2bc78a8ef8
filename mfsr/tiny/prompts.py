"""The prompts of MFSR and of the small models."""

# MFSR, footnote 1: the negative prompt of Eq. 11.
MFSR_NEGATIVE = (
    "oil painting, cartoon, blur, dirty, messy, low quality, deformation, low resolution, "
    "oversmooth."
)

# The small models' stand-in for a caption, and their negative prompt: the phrases of MFSR_NEGATIVE
# that take detail away. The others add noise or blocks, and guidance away from both blurs.
POSITIVE = "sharp, clean, highly detailed"
NEGATIVE_WORDS = ("oil painting", "blur", "low resolution", "oversmooth")
NEGATIVE = ", ".join(NEGATIVE_WORDS)
VOCABULARY = (*POSITIVE.split(", "), *NEGATIVE_WORDS)
