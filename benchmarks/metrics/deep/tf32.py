"""Convolutions as GPUs compute them in TF32, on any device.

PyTorch lets cuDNN convolve in TF32 by default on every GPU since Ampere: the inputs and weights of
a convolution are rounded to 10 bits of mantissa, to nearest with ties away from zero, and their
products are summed in float32. Matrix products are not: they stay float32 by default. Published
network metrics were computed so; this is the same arithmetic, defined by numbers and not by a GPU.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor, nn

TF32 = "tf32"  # value of the setting `arithmetic`; without it, float32
_HALF_UNIT = 0x1000  # half of the last bit that TF32 keeps of float32's 23
_DROPPED = 0x1FFF  # the bits that it does not keep


def round_to_tf32(values: Tensor) -> Tensor:
    """Return float32 values rounded to TF32, ties away from zero, as float32."""
    bits = values.contiguous().view(torch.int32)
    return ((bits + _HALF_UNIT) & ~_DROPPED).view(torch.float32)


def convolve_in_tf32(network: nn.Module, *, but_first: bool = False) -> None:
    """Make every convolution of a network compute as in TF32.

    Args:
        network: its `Conv2d` modules are changed in place, in the order of `modules()`.
        but_first: leave the first one in float32, as cuDNN does with VGG16's of 3 input channels.
    """
    convolutions = [layer for layer in network.modules() if isinstance(layer, torch.nn.Conv2d)]
    for layer in convolutions[1:] if but_first else convolutions:
        layer.weight.data = round_to_tf32(layer.weight.data)
        layer.register_forward_pre_hook(_round_input)


def _round_input(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return (round_to_tf32(inputs[0]), *inputs[1:])
