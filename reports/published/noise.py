"""How far the same method on the same set moves when somebody measures it again.

OSEDiff was published twice: its log scores its own images, and the MFSR paper seems to have
restored them again. The gaps between the two on RealSR and DRealSR, rounded up, are what a
difference between two rows has to exceed before it means anything, whatever the spread over images.
"""

from __future__ import annotations

from benchmarks.metrics.tolerances import TOLERANCES

# The tolerances that `verify` takes from the same two publications, and the three that it measures
# on identical files instead.
_REMEASURED = {"psnr@y601": 0.01, "ssim@y601": 1e-4, "niqe@pyiqa": 0.06}
NOISE_FLOOR = {
    metric: tolerance.mean
    for metric, tolerance in TOLERANCES.items()
    if tolerance.basis == "reported"
} | _REMEASURED
