"""Models that lie in Python packages in another program's format -> tensors by official names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from baselines.spandrel.ncnn import read_convolutions
from benchmarks.api.errors import WeightsCorruptError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_RRDB_BLOCKS = 23  # of RealESRGAN_x4plus


def rrdbnet_x4(members: Mapping[str, bytes]) -> dict[str, NDArray[np.float32]]:
    """Return the tensors of RRDBNet (x4, 23 blocks) by BasicSR's names, from an ncnn model.

    Args:
        members: contents of the `.param` and the `.bin` file, by name.

    Raises:
        WeightsCorruptError: the model is not this network.
    """
    param = next(data for name, data in members.items() if name.endswith(".param"))
    numbers = next(data for name, data in members.items() if name.endswith(".bin"))
    layers, names = read_convolutions(param, numbers), list(_rrdbnet_names())
    if len(layers) != len(names):
        raise WeightsCorruptError(
            f"The ncnn model has {len(layers)} convolutions where RRDBNet has {len(names)}."
        )
    tensors = {}
    for name, layer in zip(names, layers, strict=True):
        tensors[f"{name}.weight"], tensors[f"{name}.bias"] = layer.weight, layer.bias
    return tensors


def _rrdbnet_names() -> Iterator[str]:
    """Yield the convolutions of RRDBNet in the order in which they compute."""
    yield "conv_first"
    for block in range(_RRDB_BLOCKS):
        for dense in (1, 2, 3):
            for convolution in (1, 2, 3, 4, 5):
                yield f"body.{block}.rdb{dense}.conv{convolution}"
    yield from ("conv_body", "conv_up1", "conv_up2", "conv_hr", "conv_last")
