"""The images of a packet: pixels under blind names, all of one image equally large."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.api.errors import DataError
from benchmarks.api.images import read_rgb, show, write_png
from reports.study.design import BLURRED, Image
from reports.study.study import LR

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from reports.pictures import Picture
    from reports.study.study import Study

FOLDER = "stimuli"
# Of the Gaussian that spoils an image, in pixels of the result: no method is as bad as the least.
_BLUR = 5.0
_BLUR_STEP = 2.0
Progress = Callable[[int, int], None]


class Enlarging(StrEnum):
    """How LR images are brought to the size of the results, once, for all browsers alike."""

    NEAREST = "nearest"
    BICUBIC = "bicubic"


def write_stimuli(
    study: Study,
    pictures: Mapping[Image, Picture],
    folder: Path,
    *,
    enlarging: Enlarging,
    progress: Progress,
) -> None:
    """Write every image that any rater is shown.

    Files hold pixels and nothing else: whatever a method left in its files would tell who it is.

    Raises:
        DataError: an image is missing, unreadable or of another size than the others.
        ResourceError: the disk is full.
    """
    stimuli = study.stimuli()

    def make(name: str) -> None:
        image, source = stimuli[name]
        target = folder / FOLDER / f"{name}.png"
        if not target.is_file():
            pixels = stimulus(pictures[image], source, study.sizes[image], enlarging)
            write_png(target, pixels)

    with ThreadPoolExecutor(os.cpu_count()) as executor:
        for done, _ in enumerate(executor.map(make, stimuli), start=1):
            progress(done, len(stimuli))


def stimulus(
    picture: Picture, source: str, size: tuple[int, int], enlarging: Enlarging
) -> NDArray[np.uint8]:
    """Return the pixels (h, w, 3) that a source stands for.

    Raises:
        DataError: they are missing, or of another size.
    """
    if source == LR:
        return _enlarged(_lr(picture), size, enlarging)
    if source.startswith(BLURRED):
        return _blurred(_lr(picture), size, degree=int(source.removeprefix(BLURRED)))
    path = picture.results[source]
    pixels = read_rgb(path)
    if (pixels.shape[1], pixels.shape[0]) != size:
        raise DataError(
            f"{show(path)} is {pixels.shape[1]}x{pixels.shape[0]}, not {size[0]}x{size[1]} as the "
            "other results of that image.",
            "Side by side only equal sizes can be judged: restore it again.",
        )
    return pixels


def _lr(picture: Picture) -> NDArray[np.uint8]:
    assert picture.lr is not None  # `build` refuses runs without
    return read_rgb(picture.lr)


def _enlarged(
    lr: NDArray[np.uint8], size: tuple[int, int], enlarging: Enlarging
) -> NDArray[np.uint8]:
    import numpy as np
    from PIL.Image import Resampling, fromarray

    filters = {Enlarging.NEAREST: Resampling.NEAREST, Enlarging.BICUBIC: Resampling.BICUBIC}
    return np.asarray(fromarray(lr).resize(size, filters[enlarging]))


def _blurred(lr: NDArray[np.uint8], size: tuple[int, int], *, degree: int) -> NDArray[np.uint8]:
    import numpy as np
    from PIL import ImageFilter
    from PIL.Image import fromarray

    image = fromarray(_enlarged(lr, size, Enlarging.BICUBIC))
    radius = _BLUR + _BLUR_STEP * (degree - 1)
    return np.asarray(image.filter(ImageFilter.GaussianBlur(radius)))
