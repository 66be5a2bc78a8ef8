"""What the tagger's networks see of an image, and the embedding that SeeSR and AddSR look at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

    from baselines.tagger.ram import RAM

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet


def seen(images: Tensor, size: int, filter: Literal["bilinear", "bicubic"] = "bilinear") -> Tensor:
    """Return images (B, 3, h, w) in [0, 1] as the networks see them: (B, 3, size, size).

    Resized without antialiasing and normalised, in the dtype of the images.
    """
    import torch.nn.functional as F

    x = F.interpolate(images, (size, size), mode=filter, align_corners=False)
    mean, std = (x.new_tensor(values)[:, None, None] for values in (_MEAN, _STD))
    return (x - mean) / std


def load_dape(checkpoint: Path, dape: Path) -> RAM:
    """Load RAM with DAPE's updates, in float32 on the CPU.

    Raises:
        WeightsCorruptError: a tensor is missing or has another shape.
    """
    from baselines.tagger.checkpoint import fold_dape, load_ram
    from baselines.tagger.ram import RAM, RAMConfig

    network = RAM(RAMConfig())
    load_ram(network, checkpoint)
    fold_dape(network, dape)
    return network
