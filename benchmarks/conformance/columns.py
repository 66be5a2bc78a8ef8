"""What papers and logs call a metric -> the metric id of the convention behind it."""

from __future__ import annotations

# The convention of OSEDiff's evaluation script and of the papers that follow it, MFSR's included.
# That it is this one is measured where a log exists (docs/protocols.md); for LIQE no paper here
# says which checkpoint it used, and the one trained on KonIQ is pyiqa's default.
METRIC_OF_COLUMN = {
    "psnr": "psnr@y601",
    "ssim": "ssim@y601",
    "lpips": "lpips@alex",
    "dists": "dists@vgg16",
    "fid": "fid@clean",
    "niqe": "niqe@pyiqa",
    "musiq": "musiq@koniq",
    "maniqa": "maniqa@pipal",
    "clipiqa": "clipiqa@rn50",
    "liqe": "liqe@koniq",
}


# Which variant computes in the arithmetic that GPUs have convolved in by default since Ampere.
_IN_TF32 = {"lpips@alex": "lpips@alex-tf32", "dists@vgg16": "dists@vgg16-tf32"}


def metric_of(column: str, arithmetic: str = "") -> str | None:
    """Return the metric id that a column title stands for, or None.

    >>> metric_of("PSNR"), metric_of("psnr@rgb"), metric_of("Runtime")
    ('psnr@y601', 'psnr@rgb', None)
    >>> metric_of("LPIPS"), metric_of("LPIPS", "tf32"), metric_of("PSNR", "tf32")
    ('lpips@alex', 'lpips@alex-tf32', 'psnr@y601')

    Args:
        column: the title.
        arithmetic: "tf32" for the variants that compute so, where there are such.
    """
    if "@" in column:
        return column
    metric = METRIC_OF_COLUMN.get(column.strip().casefold())
    return _IN_TF32.get(metric or "", metric) if arithmetic == "tf32" else metric


def other_arithmetic(metric: str) -> str | None:
    """Return the metric that is the same but for its arithmetic, float32 or TF32, or None."""
    pairs = _IN_TF32 | {tf32: float32 for float32, tf32 in _IN_TF32.items()}
    return pairs.get(metric)
