"""LPIPS on VGG16 as a training loss, from the files of the metric `lpips@vgg`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.api.errors import WeightsMissingError
from benchmarks.api.images import show
from benchmarks.api.tensors import read_safetensors, read_torch

if TYPE_CHECKING:
    from pathlib import Path

_STAGES = (2, 2, 3, 3, 3)  # convolutions between VGG16's poolings
_PLACES = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)  # in torchvision's `features`
_MEAN, _STD = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of images in [-1, 1]
_BACKBONE, _HEADS = "vgg16-397923af", "LPIPS_v0.1_vgg-a78928a0"


class PerceptualLoss(nn.Module):
    """LPIPS v0.1 (arXiv 1801.03924) of images (B, 3, h, w) in [0, 1], with gradient for the first.

    Args:
        folder: holds the files of `lpips@vgg`; `mfsr-bench weights where lpips@vgg` names it.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        backbone, heads = _tensors(folder, _BACKBONE), _tensors(folder, _HEADS)
        self.convs = nn.ModuleList()
        for place in _PLACES:
            weight = backbone[f"features.{place}.weight"]
            conv = nn.Conv2d(weight.shape[1], weight.shape[0], 3, padding=1)
            conv.load_state_dict({"weight": weight, "bias": backbone[f"features.{place}.bias"]})
            self.convs.append(conv)
        self.heads = [heads[f"lin{level}.model.1.weight"] for level in range(len(_STAGES))]
        self.to(memory_format=torch.channels_last).requires_grad_(requires_grad=False)

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Return the distance of each pair, (B,)."""
        with torch.no_grad():
            references = self._layers(hr)
        layers = zip(self.heads, self._layers(sr), references, strict=True)
        distances = [
            F.conv2d((ours - theirs).square(), head.to(ours)).mean((1, 2, 3))
            for head, ours, theirs in layers
        ]
        return torch.stack(distances).sum(0)

    def _layers(self, image: Tensor) -> list[Tensor]:
        mean, std = (image.new_tensor(values).view(1, 3, 1, 1) for values in (_MEAN, _STD))
        x = ((2 * image - 1 - mean) / std).contiguous(memory_format=torch.channels_last)
        layers, convs = [], iter(self.convs)
        for level, count in enumerate(_STAGES):
            x = F.max_pool2d(x, 2) if level else x
            for _ in range(count):
                x = F.relu(next(convs)(x))
            layers.append(x / (x.square().sum(1, keepdim=True) + 1e-10).sqrt())
        return layers


def _tensors(folder: Path, stem: str) -> dict[str, Any]:
    found = sorted(folder.glob(f"{stem}*"))
    if not found:
        raise WeightsMissingError(
            f"No {stem} in {show(folder)}.", "Get it: mfsr-bench weights fetch lpips@vgg"
        )
    path = found[0]
    tensors: dict[str, Any] = (
        read_safetensors(path) if path.suffix == ".safetensors" else read_torch(path)
    )
    return tensors
