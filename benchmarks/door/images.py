"""Images in the kinds in which Python code has them, and the same kind out again.

| kind                                | what it is                                               |
|-------------------------------------|----------------------------------------------------------|
| `str`, `Path`                       | a file; what comes back is a PIL image                   |
| `PIL.Image.Image`                   | 8-bit RGB, or what becomes that without loss             |
| `numpy.ndarray`, `uint8`            | (h, w, 3), or a batch (B, h, w, 3)                       |
| `torch.Tensor`, floating-point      | (3, h, w) in [0, 1], or a batch (B, 3, h, w)             |
| a list or tuple of any of these     | a batch of images of any sizes                           |
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.api.errors import ConfigError
from benchmarks.api.images import read_rgb, to_tensor, to_uint8

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

_WITHOUT_LOSS = ("RGB", "L", "P", "1")
_EXPECTED = "a path, a PIL image, a uint8 array (h, w, 3) or a float tensor (3, h, w) in [0, 1]"


def is_batch(images: Any) -> bool:
    """Return whether what was given is several images."""
    return isinstance(images, list | tuple) or getattr(images, "ndim", 3) == 4


def each(images: Any) -> Sequence[Any]:
    """Return one image after the other: of a batch its own, of an image itself."""
    return list(images) if is_batch(images) else [images]


def as_tensor(image: Any) -> Tensor:
    """Return an image of any kind as float32 (3, h, w) in [0, 1].

    Raises:
        ConfigError: it is no image, or of another type, shape or range.
        ImageError: a file cannot be read.
    """
    import torch

    if not isinstance(image, torch.Tensor):
        return to_tensor(as_uint8(image))
    if not image.is_floating_point() or image.ndim != 3 or image.shape[0] != 3:
        raise ConfigError(f"An image is {_EXPECTED}, not {image.dtype} {tuple(image.shape)}.")
    if image.numel() == 0 or not (image.amin() >= 0 and image.amax() <= 1):  # false for NaN too
        raise ConfigError("An image as a tensor lies in [0, 1], and is not empty.")
    return image.detach().to("cpu", torch.float32)


def as_uint8(image: Any) -> NDArray[np.uint8]:
    """Return an image of any kind as `uint8` (h, w, 3); a tensor is rounded, half to even.

    Raises:
        ConfigError: it is no image, or of another type, shape or range.
        ImageError: a file cannot be read.
    """
    import numpy as np
    from PIL import Image

    if isinstance(image, str | Path):
        return read_rgb(Path(image).expanduser())
    if isinstance(image, Image.Image):
        if image.mode not in _WITHOUT_LOSS:
            raise ConfigError(
                f"A PIL image has mode {image.mode}; RGB is needed.", "Convert it to RGB."
            )
        return np.asarray(image.convert("RGB"), dtype=np.uint8)
    if isinstance(image, np.ndarray):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise ConfigError(f"An image is {_EXPECTED}, not {image.dtype} {image.shape}.")
        return image
    if hasattr(image, "is_floating_point"):
        return to_uint8(as_tensor(image))
    raise ConfigError(f"An image is {_EXPECTED}, not {type(image).__name__}.")


def like(original: Any, sr: Sequence[Tensor]) -> Any:
    """Return SR images (3, H, W) in the kind in which their LR images came."""
    made = [_like_one(lr, one) for lr, one in zip(each(original), sr, strict=True)]
    if not is_batch(original):
        return made[0]
    if isinstance(original, list | tuple):
        return type(original)(made)
    if hasattr(original, "is_floating_point"):
        import torch

        return torch.stack(made)
    import numpy as np

    return np.stack(made)


def _like_one(lr: Any, sr: Tensor) -> Any:
    if hasattr(lr, "is_floating_point"):
        return sr
    pixels = to_uint8(sr)
    if hasattr(lr, "dtype"):
        return pixels
    from PIL import Image

    return Image.fromarray(pixels)
