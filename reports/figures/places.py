"""Where in an image to look: given by hand, or where methods disagree most."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.api.errors import DataError, UsageError
from benchmarks.api.images import read_rgb, show

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reports.pictures import Picture

CELL = 4  # pixels of a result per LR pixel where no LR image tells: the scale of the field
MOST_BOXES = 4  # in one image: as many as its corners
_PART = 4  # by default a crop is a quarter of the shorter side
_SMALLEST = 96  # pixels; what a smaller one shows is hard to recognise


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A place in a result, in its pixels, from the upper left corner."""

    x: int
    y: int
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.x},{self.y},{self.width},{self.height}"

    def of(self, image: NDArray[np.uint8], scale: float = 1.0) -> NDArray[np.uint8]:
        """Return what an image shows there; `scale` result pixels are one pixel of the image."""
        top, bottom = round(self.y / scale), round((self.y + self.height) / scale)
        left, right = round(self.x / scale), round((self.x + self.width) / scale)
        return image[top : max(bottom, top + 1), left : max(right, left + 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Boxes in an image, and how much the methods disagree there."""

    picture: Picture
    boxes: tuple[Box, ...]
    sd: float | None = None  # between methods in the first, in 8-bit levels; None: chosen by hand

    def __str__(self) -> str:
        return "+".join(map(str, self.boxes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How places are chosen that are not given by hand."""

    count: int = 3  # places, each in another image
    boxes: int = 1  # in each image, none over another; fewer where there is no room
    crop: int | None = (
        None  # side in pixels of a result; None: a quarter of the shorter side, but 96 at least
    )
    among: int = 100  # images that are looked at; drawn where there are more
    seed: int = 0  # of that draw


def parse_boxes(text: str) -> tuple[Box, ...]:
    """Return the boxes that `x,y,width,height` stands for, or several of them joined by `+`.

    >>> parse_boxes("8,16,64,32+0, 0, 8, 8")
    (Box(x=8, y=16, width=64, height=32), Box(x=0, y=0, width=8, height=8))

    Raises:
        UsageError: these are not four numbers each, a box is empty, or there are too many.
    """
    found = tuple(map(_parse_box, text.split("+")))
    if len(found) > MOST_BOXES:
        raise UsageError(
            f"{len(found)} boxes in one image; {MOST_BOXES} at most.",
            "Name the image again with --image, for another row.",
        )
    return found


def _parse_box(text: str) -> Box:
    try:
        x, y, width, height = (int(part) for part in text.split(","))
    except ValueError:
        raise UsageError(
            f"'{text}' is not a box.",
            "Say --box x,y,width,height in pixels of the results; join two by '+'.",
        ) from None
    if x < 0 or y < 0 or width < 1 or height < 1:
        raise UsageError(f"The box {text} is empty or begins outside the image.")
    return Box(x=x, y=y, width=width, height=height)


def check_box(box: Box, picture: Picture) -> Box:
    """Return a box that lies in an image.

    Raises:
        UsageError: it does not.
    """
    if box.x + box.width > picture.width or box.y + box.height > picture.height:
        raise UsageError(
            f"The box {box} leaves the image '{picture.image}' of {picture.width}×{picture.height} "
            "pixels.",
            "Boxes are x,y,width,height in pixels of the results, not of the LR images.",
        )
    return box


def candidates(pictures: Sequence[Picture], rule: Rule) -> tuple[Picture, ...]:
    """Return the images that are looked at: all, or a draw that depends on the seed alone."""
    if len(pictures) <= rule.among:
        return tuple(pictures)
    return tuple(sorted(Random(rule.seed).sample(pictures, rule.among), key=lambda one: one.image))


def choose_places(
    pictures: Sequence[Picture],
    scales: Mapping[str, float],
    rule: Rule,
    progress: Callable[[int, int], None],
) -> tuple[Place, ...]:
    """Return the places where the methods disagree most, the most first, one for each image.

    Args:
        pictures: candidates.
        scales: image -> pixels of a result per LR pixel, where that is known.
        rule: how many, and how large.
        progress: called with (images done, images in all).

    Raises:
        DataError: an image is missing, or the methods made results of different sizes.
    """
    places = []
    for done, picture in enumerate(pictures, start=1):
        places.append(widest_disagreement(picture, scales.get(picture.image, CELL), rule))
        progress(done, len(pictures))
    return tuple(sorted(places, key=lambda one: one.sd or 0.0, reverse=True)[: rule.count])


def widest_disagreement(picture: Picture, scale: float, rule: Rule) -> Place:
    """Return the boxes of one image where its results differ most.

    Results are averaged over the area of an LR pixel, so that noise counts little, and each is
    freed of its mean, so that a shift of brightness does not count. What is left is the variance
    between methods, averaged over colours and over the box; boxes lie on LR pixels.

    Args:
        picture: the image.
        scale: pixels of a result per LR pixel.
        rule: how many boxes, and how large.

    Raises:
        DataError: a result is missing or of another size.
    """
    cell = round(scale) if scale == round(scale) else CELL
    size = min(picture.height, picture.width)
    side = max(1, min((rule.crop or max(_SMALLEST, size // _PART)) // cell, size // cell))
    results = [_cells(path, picture, cell) for path in picture.results.values()]
    variance = np.var(results, axis=0).mean(axis=-1)
    sums = np.pad(variance, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    windows = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    corners = _highest(windows, side, rule.boxes)
    row, column = corners[0]
    return Place(
        picture=picture,
        boxes=tuple(
            Box(x=x * cell, y=y * cell, width=side * cell, height=side * cell) for y, x in corners
        ),
        sd=sqrt(max(0.0, float(windows[row, column])) / side**2),
    )


def _highest(windows: NDArray[np.float64], side: int, count: int) -> list[tuple[int, int]]:
    """Return the (row, column) of the highest windows of which none lies over another."""
    free = windows.copy()
    found: list[tuple[int, int]] = []
    while len(found) < count and np.isfinite(free).any():
        row, column = divmod(int(free.argmax()), free.shape[1])
        found.append((row, column))
        free[
            max(0, row - side + 1) : row + side, max(0, column - side + 1) : column + side
        ] = -np.inf
    return found


def _cells(path: Path, picture: Picture, cell: int) -> NDArray[np.float64]:
    """Return a result averaged over cells, less its mean: (h // cell, w // cell, 3)."""
    image = read_rgb(path).astype(np.float64)
    height, width = image.shape[:2]
    if (height, width) != (picture.height, picture.width):
        raise DataError(
            f"{show(path)} is {width}×{height}, other results of '{picture.image}' are "
            f"{picture.width}×{picture.height}.",
            "Choose methods of one scale with --methods.",
        )
    rows, columns = height // cell, width // cell
    blocks = image[: rows * cell, : columns * cell].reshape(rows, cell, columns, cell, 3)
    means = blocks.mean(axis=(1, 3))
    return np.asarray(means - means.mean(axis=(0, 1)), dtype=np.float64)
