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


def metric_of(column: str) -> str | None:
    """Return the metric id that a column title stands for, or None.

    >>> metric_of("PSNR"), metric_of("psnr@rgb"), metric_of("Runtime")
    ('psnr@y601', 'psnr@rgb', None)
    """
    if "@" in column:
        return column
    return METRIC_OF_COLUMN.get(column.strip().casefold())
