"""The Inception features of FID, in clean-fid's modes: its resizing and its network."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from benchmarks.api.images import first_line
from benchmarks.metrics.deep.construct import replaced
from benchmarks.metrics.deep.precision import full_precision
from benchmarks.metrics.deep.state import misfit, read_tensors

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

Mode = Literal["clean", "legacy_pytorch", "legacy_tensorflow"]

_SIDE = 299
_LAST_BLOCK = 3  # the final average pooling: 2048 features


class InceptionFeatures:
    """What turns an image into a row of features."""

    def __init__(self, path: Path, mode: Mode, device: str) -> None:
        self.network = inception(path).to(device).eval()
        self.device = device
        self._resize = resizer(mode)
        self._normalise = _to_unit if mode == "legacy_pytorch" else _by_128

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the features (2048,) of an image (h, w, 3)."""
        with full_precision(self.device):
            (pooled,) = self.network(self._normalise(self._resize(image)).to(self.device))
        row: NDArray[np.float32] = pooled.reshape(-1).cpu().numpy()
        return row


def resizer(mode: Mode) -> Callable[[NDArray[np.uint8]], Tensor]:
    """Return a function from an image (h, w, 3) to float32 (1, 3, 299, 299) in [0, 255]."""
    if mode == "legacy_tensorflow":
        return _like_tensorflow
    from cleanfid.resize import build_resizer

    with warnings.catch_warnings():  # for one mode clean-fid silences all warnings for good
        resize = build_resizer(mode)

    def with_cleanfid(image: NDArray[np.uint8]) -> Tensor:
        return torch.from_numpy(resize(image)).permute(2, 0, 1)[None].float()

    return with_cleanfid


def _like_tensorflow(image: NDArray[np.uint8]) -> Tensor:
    # clean-fid leaves this resizing to a TorchScript network; this is the same in PyTorch.
    from pyiqa.archs.interpolate_compat_tensorflow import (
        interpolate_bilinear_2d_like_tensorflow1x as resize,
    )

    batch = torch.from_numpy(image.astype(np.float32)).permute(2, 0, 1)[None]
    resized: Tensor = resize(batch, size=(_SIDE, _SIDE), align_corners=False)
    return resized


def _by_128(batch: Tensor) -> Tensor:
    return (batch - 128) / 128


def _to_unit(batch: Tensor) -> Tensor:
    return 2 * (batch / 255) - 1


def inception(path: Path) -> Any:
    """Build clean-fid's Inception from a file of tensors; its constructor would download it.

    Raises:
        WeightsCorruptError: the file cannot be read or does not fit.
    """
    from cleanfid import inception_pytorch

    tensors = read_tensors(path)
    local = {"load_state_dict_from_url": lambda *_, **__: tensors}
    with replaced(inception_pytorch, local), warnings.catch_warnings():
        # clean-fid calls torchvision with arguments that it renamed.
        warnings.filterwarnings("ignore", "The parameter 'pretrained'", UserWarning)
        warnings.filterwarnings("ignore", "Arguments other than a weight enum", UserWarning)
        try:
            return inception_pytorch.InceptionV3(
                output_blocks=[_LAST_BLOCK], resize_input=False, normalize_input=False
            )
        except (RuntimeError, TypeError) as error:
            raise misfit(path, "Inception", first_line(error)) from None
