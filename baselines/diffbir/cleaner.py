"""Stage 1: the network that takes the degradation away, and the sizes around it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from baselines.checkpoints import load_strictly, read_tensors
from baselines.rrdb import RRDBNet
from benchmarks.api.errors import WeightsCorruptError
from benchmarks.api.text import first_line, show

LEAST = 512  # pixels of a side of what stage 2 sees
PAD = 64
_REMEDY = "It is another version's cleaner: get the file that the card names."
_SWINIR_PARAMETERS = 15_792_587


def load_bsrnet(path: Path) -> nn.Module:
    """Read BSRNet, version 2's cleaner.

    Raises:
        WeightsCorruptError: it is another network; the message names the first key that differs.
    """
    network = RRDBNet()
    load_strictly(network, read_tensors(path, wrapper="state_dict"), path)
    return network


def load_swinir(path: Path) -> nn.Module:
    """Read the SwinIR of versions 1 and 2.1, by spandrel.

    Raises:
        WeightsCorruptError: it is another network.
    """
    import spandrel

    tensors = read_tensors(path, wrapper="state_dict")
    try:
        with warnings.catch_warnings():  # spandrel's own use of torch.meshgrid
            warnings.simplefilter("ignore", UserWarning)
            found = spandrel.ModelLoader().load_from_state_dict(dict(tensors))
    except Exception as error:  # spandrel answers what it does not know with many kinds
        raise WeightsCorruptError(
            f"{show(path)} holds no network that cleans: {first_line(error)}", _REMEDY
        ) from None
    network: Any = found.model
    count = sum(parameter.numel() for parameter in network.parameters())
    if (found.architecture.id, found.scale, count) != ("SwinIR", 1, _SWINIR_PARAMETERS):
        raise WeightsCorruptError(
            f"{show(path)} holds {found.architecture.id} x{found.scale} of {count:,} parameters "
            f"where SwinIR x1 of {_SWINIR_PARAMETERS:,} was expected.",
            _REMEDY,
        )
    cleaner: nn.Module = network.eval().requires_grad_(requires_grad=False)
    return cleaner


def raise_short_side(image: Tensor, least: int = LEAST) -> Tensor:
    """Return images (B, 3, h, w), enlarged so that the shorter side is no less than `least`."""
    height, width = image.shape[-2:]
    if min(height, width) >= least:
        return image
    size = raised_size(height, width, least)
    return F.interpolate(image, size, mode="bicubic", antialias=True)


def raised_size(height: int, width: int, least: int = LEAST) -> tuple[int, int]:
    """Return the (height, width) that `raise_short_side` leads to."""
    if min(height, width) >= least:
        return height, width
    if height == width:
        return least, least
    if height < width:
        return least, int(width * (least / height))
    return int(height * (least / width)), least


def pad_with_black(image: Tensor, multiple: int = PAD) -> Tensor:
    """Return images grown by zeros at the bottom and at the right, to multiples of `multiple`."""
    height, width = image.shape[-2:]
    return F.pad(image, (0, -width % multiple, 0, -height % multiple))


def clean_and_raise(cleaner: nn.Module, lr: Tensor) -> Tensor:
    """Return what version 2's cleaner makes of LR images: 4x, the shorter side at least 512."""
    cleaned: Tensor = cleaner(lr)
    return raise_short_side(cleaned)


def raise_and_clean(cleaner: nn.Module, enlarged: Tensor) -> Tensor:
    """Return what versions 1 and 2.1 make of LR images that Pillow has enlarged already."""
    raised = raise_short_side(enlarged)
    height, width = raised.shape[-2:]
    cleaned: Tensor = cleaner(pad_with_black(raised))
    return cleaned[..., :height, :width]
