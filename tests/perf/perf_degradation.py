"""The degradation of 512 x 512 HR crops, as a data-loader worker runs it: one thread.

The alternative is the published way on the same machine: PyTorch's conv2d for every filter, with
kernels of 21 x 21 (and 51 x 51 for the sharpening). All else stays the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import skimage.data
import torch
from ratios import Ratio, cpu_seconds, show

from benchmarks.degradation import filtering, pipeline
from benchmarks.degradation.parameters import REAL_ESRGAN_X4
from benchmarks.degradation.recipe import draw

IMAGES = 8


def conv2d(planes: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Filter as the authors' code does: float32, kernels padded to 21 x 21, mirrored border."""
    grown = max(21, kernel.shape[0])
    kernel = np.pad(kernel, (grown - kernel.shape[0]) // 2)
    image = torch.from_numpy(planes).float()[:, None]
    image = torch.nn.functional.pad(image, (grown // 2,) * 4, mode="reflect")
    weights = torch.from_numpy(kernel).float()[None, None]
    return torch.nn.functional.conv2d(image, weights)[:, 0].double().numpy()


@contextmanager
def published_filter() -> Iterator[None]:
    """Put PyTorch's filter in the place of ours."""
    ours = filtering.filter_planes
    filtering.filter_planes = pipeline.filter_planes = conv2d
    try:
        yield
    finally:
        filtering.filter_planes = pipeline.filter_planes = ours


def _degrade(crop: np.ndarray) -> None:
    """Degrade one crop several times, by recipes that are the same in every call."""
    rng = np.random.default_rng(0)
    for recipe in [draw(REAL_ESRGAN_X4, rng) for _ in range(IMAGES)]:
        pipeline.apply(crop, recipe)


def main() -> bool:
    """Measure and print; return whether the target is reached."""
    torch.set_num_threads(1)
    crop = np.ascontiguousarray(skimage.data.astronaut())
    pipeline.apply(crop, draw(REAL_ESRGAN_X4, np.random.default_rng(1)))  # imports, plans
    ours = cpu_seconds(lambda: _degrade(crop))
    with published_filter():
        alternative = cpu_seconds(lambda: _degrade(crop))
    name = f"{IMAGES} degradations of 512x512, conv2d"
    return show([Ratio(name=name, ours=ours, alternative=alternative, target=2)])


if __name__ == "__main__":
    raise SystemExit(not main())
