"""How far the same method on the same set moves when somebody measures it again.

OSEDiff was published twice: its log scores its own images, and the MFSR paper seems to have
restored them again. The gaps between the two on RealSR and DRealSR, rounded up, are what a
difference between two rows has to exceed before it means anything, whatever the spread over images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import TypeVar

from benchmarks.metrics.tolerances import TOLERANCES

T = TypeVar("T")

# The tolerances that `verify` takes from the same two publications, and those that it measures on
# identical files instead.
_REMEASURED = {
    "psnr@y601": 0.01,
    "ssim@y601": 1e-4,
    "lpips@alex": 2e-4,
    "dists@vgg16": 2e-4,
    "niqe@pyiqa": 0.06,
}
NOISE_FLOOR = {
    metric: tolerance.mean
    for metric, tolerance in TOLERANCES.items()
    if tolerance.basis == "reported"
} | _REMEASURED
_RANKED = 3  # the gap to the third decides who is second
_ROUNDING = 1e-9  # of decimal numbers in binary


def too_close(
    metric: str, items: Iterable[T], value: Callable[[T], float], *, higher_is_better: bool
) -> list[tuple[T, T]]:
    """Return the neighbours among the best three whose order another measurement may turn.

    Equal values tie anyway.

    Args:
        metric: its id.
        items: what is ranked.
        value: the value of an item, as it is printed.
        higher_is_better: the direction.
    """
    if (floor := NOISE_FLOOR.get(metric)) is None:
        return []
    best = sorted(items, key=value, reverse=higher_is_better)[:_RANKED]
    return [
        (one, other)
        for one, other in pairwise(best)
        if 0 < abs(value(one) - value(other)) <= floor + _ROUNDING
    ]
