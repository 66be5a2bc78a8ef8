"""The prompts of DiT4SR, verbatim."""

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
