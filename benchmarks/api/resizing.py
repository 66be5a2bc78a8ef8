"""Resizing 8-bit images by Pillow, as most official codes do before and after their networks.

Pillow's filters work on 8-bit pixels and are antialiased: its bicubic (a = -0.5) is neither
OpenCV's nor `torch.nn.functional.interpolate`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from benchmarks.api.images import to_tensor, to_uint8

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

Filter = Literal["NEAREST", "BILINEAR", "BICUBIC", "LANCZOS"]  # names of PIL.Image.Resampling


def resize(image: Tensor, size: tuple[int, int], filter: Filter = "BICUBIC") -> Tensor:
    """Return an image (3, h, w) in [0, 1] at `size` (height, width), rounded to 8 bits.

    It is rounded before too, so that an 8-bit image keeps its pixels where nothing changes.
    """
    return to_tensor(resize_pixels(to_uint8(image), size, filter))


def resize_pixels(
    image: NDArray[np.uint8], size: tuple[int, int], filter: Filter = "BICUBIC"
) -> NDArray[np.uint8]:
    """Return an image (h, w, 3) of 8 bits at `size` (height, width)."""
    import numpy as np
    from PIL import Image

    height, width = size
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling[filter]))


def enlarge(
    image: Tensor,
    *,
    scale: int,
    minimum: int = 1,
    multiple: int = 1,
    last: Filter = "LANCZOS",
    exact: bool = False,
) -> Tensor:
    """Return an LR image enlarged for a network, as OSEDiff, SeeSR and their kin do it.

    A side below `minimum` is brought up to it first, both sides in proportion; then both are
    multiplied by `scale`; then reduced to multiples of `multiple`. Every step rounds to 8 bits.

    Args:
        image: (3, h, w) in [0, 1].
        scale: the method's scale.
        minimum: LR pixels per side.
        multiple: enlarged pixels per side.
        last: filter of the last step; the others are bicubic. Nothing happens in it where the
            sides fit.
        exact: a side that is brought up reaches `minimum`; otherwise, as upstream computes it,
            128 / 49 * 49 is 127.
    """
    before = image.shape[-2:]
    raised = _raised(before[0], before[1], minimum, exact)
    if raised != tuple(before):
        image = resize(image, raised)
    image = resize(image, (scale * raised[0], scale * raised[1]))
    size = enlarged_size(*before, scale=scale, minimum=minimum, multiple=multiple, exact=exact)
    return image if image.shape[-2:] == size else resize(image, size, last)


def enlarged_size(
    height: int,
    width: int,
    *,
    scale: int,
    minimum: int = 1,
    multiple: int = 1,
    exact: bool = False,
) -> tuple[int, int]:
    """Return the (height, width) that `enlarge` leads to."""
    height, width = (scale * side for side in _raised(height, width, minimum, exact))
    return height - height % multiple, width - width % multiple


def _raised(height: int, width: int, minimum: int, exact: bool) -> tuple[int, int]:
    """Return sides in proportion of which the shorter one is no less than `minimum`."""
    if min(height, width) >= minimum:
        return height, width
    factor, least = minimum / min(height, width), minimum if exact else 1
    return max(least, int(factor * height)), max(least, int(factor * width))
