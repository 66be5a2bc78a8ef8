"""How every network of a metric is run: alone, in float32, the same each time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from benchmarks.api.images import to_tensor

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


@contextmanager
def full_precision(device: str) -> Iterator[None]:
    """Compute in float32 without autocast, TF32 or a choice of algorithms by speed."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with (
            torch.inference_mode(),
            torch.autocast(torch.device(device).type, enabled=False),
            torch.backends.cudnn.flags(
                enabled=True, benchmark=False, deterministic=True, allow_tf32=False
            ),
        ):
            yield
    finally:
        torch.set_float32_matmul_precision(before)


def to_batch(image: NDArray[np.uint8], device: str) -> Tensor:
    """Return an image (h, w, 3) as a batch of one, float32 (1, 3, h, w) in [0, 1].

    One image at a time, always: its value must not depend, by one bit, on which other images were
    left to score when a run was resumed.
    """
    return to_tensor(image)[None].to(device)
