"""The order of float32 operations, where it decides numbers.

NIQE works on luma rounded to whole grey levels. With weights of three decimals hundreds of pixels
of a 512 x 512 image lie exactly half-way, and flat areas change sign with the last bit; which way
they go depends on the order of float32 operations, and the value moves by up to 0.02 with it. So
the order is part of the convention:

| operation       | `cuda`: pyiqa on a GPU                | `cpu`: pyiqa on a CPU            |
|-----------------|---------------------------------------|----------------------------------|
| image / 255     | times float32(1 / 255)                | divided by 255                   |
| weighted sum    | fused multiply-adds: R, then G, B     | rounded after each operation     |
| sum of ten taps | four interleaved sums, then their sum | one after the other              |

`cuda` is the default, because published numbers come from GPUs: with it NIQE agrees with the
published per-image log of OSEDiff (RealSR and DRealSR, 193 images) to 2.2e-5, where pyiqa on a CPU
is up to 1.8e-2 away. Either order gives its numbers on any machine, to the last bit; pyiqa itself
does not: on CPUs whose matrix product fuses multiplications and additions, ties of its weighted sum
go another way again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Arithmetic = Literal["cuda", "cpu"]

_ACCUMULATORS = 4  # per thread, in torch's reductions on a GPU


def divided(
    values: NDArray[np.float32], divisor: float, arithmetic: Arithmetic
) -> NDArray[np.float32]:
    """Divide by a number: a GPU multiplies with its reciprocal."""
    if arithmetic == "cuda":
        return values * np.float32(1.0 / divisor)
    return values / np.float32(divisor)


def summed(
    terms: Sequence[NDArray[np.float32] | None], arithmetic: Arithmetic
) -> NDArray[np.float32]:
    """Add up at least four terms in float32; None stands for a term of zeros."""
    if arithmetic == "cpu":
        return _in_order(terms)
    return _in_order([_in_order(terms[k::_ACCUMULATORS]) for k in range(_ACCUMULATORS)])


def _in_order(terms: Sequence[NDArray[np.float32] | None]) -> NDArray[np.float32]:
    first, *rest = (term for term in terms if term is not None)
    total = first.copy()
    for term in rest:
        total += term
    return total
