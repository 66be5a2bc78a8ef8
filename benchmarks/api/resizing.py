"""Resizing 8-bit images by Pillow, as most official codes do before and after their networks.

Pillow's filters work on 8-bit pixels and are antialiased: its bicubic (a = -0.5) is neither
OpenCV's nor `torch.nn.functional.interpolate`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from benchmarks.api.images import to_tensor, to_uint8

if TYPE_CHECKING:
    from torch import Tensor

Filter = Literal["NEAREST", "BICUBIC", "LANCZOS"]  # names of PIL.Image.Resampling


def resize(image: Tensor, size: tuple[int, int], filter: Filter = "BICUBIC") -> Tensor:
    """Return an image (3, h, w) in [0, 1] at `size` (height, width), rounded to 8 bits.

    It is rounded before too, so that an 8-bit image keeps its pixels where nothing changes.
    """
    import numpy as np
    from PIL import Image

    height, width = size
    resized = Image.fromarray(to_uint8(image)).resize((width, height), Image.Resampling[filter])
    return to_tensor(np.asarray(resized))


def enlarge(
    image: Tensor, *, scale: int, minimum: int = 1, multiple: int = 1, last: Filter = "LANCZOS"
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
    """
    height, width = image.shape[-2:]
    if min(height, width) < minimum:
        factor = minimum / min(height, width)
        height, width = int(factor * height), int(factor * width)
        image = resize(image, (height, width))
    height, width = scale * height, scale * width
    image = resize(image, (height, width))
    if height % multiple or width % multiple:
        image = resize(image, (height - height % multiple, width - width % multiple), last)
    return image
