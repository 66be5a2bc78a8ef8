"""LPIPS and DISTS as training losses, from the files of `lpips@vgg` and `dists@vgg16`."""

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
_DISTS = "DISTS_weights-f5e65c96"
_DISTS_MEAN, _DISTS_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of images in [0, 1]
_DISTS_CHANNELS = (3, 64, 128, 256, 512, 512)
_TINY = 1e-6  # DISTS's two constants


class PerceptualLoss(nn.Module):
    """LPIPS v0.1 (arXiv 1801.03924) of images (B, 3, h, w) in [0, 1], with gradient for the first.

    Args:
        folder: holds the files of `lpips@vgg`; `mfsr-bench weights where lpips@vgg` names it.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.convs = _vgg16(folder)
        heads = _tensors(folder, _HEADS, "lpips@vgg")
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


class StructureLoss(nn.Module):
    """DISTS (arXiv 2004.07728) of images (B, 3, h, w) in [0, 1], with gradient for the first.

    Args:
        folder: holds the files of `dists@vgg16`; `mfsr-bench weights where dists@vgg16` names it.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.convs = _vgg16(folder)
        found = _tensors(folder, _DISTS, "dists@vgg16")
        total = found["alpha"].sum() + found["beta"].sum()
        self.alphas = (found["alpha"] / total).split(_DISTS_CHANNELS, dim=1)  # of the means
        self.betas = (found["beta"] / total).split(_DISTS_CHANNELS, dim=1)  # of the structure
        self.to(memory_format=torch.channels_last).requires_grad_(requires_grad=False)

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Return the distance of each pair, (B,)."""
        with torch.no_grad():
            references = self._layers(hr)
        alike = sr.new_zeros(len(sr))
        layers = zip(self.alphas, self.betas, self._layers(sr), references, strict=True)
        for alpha, beta, ours, theirs in layers:
            m1, m2 = ours.mean((2, 3), keepdim=True), theirs.mean((2, 3), keepdim=True)
            v1 = (ours - m1).square().mean((2, 3), keepdim=True)
            v2 = (theirs - m2).square().mean((2, 3), keepdim=True)
            cov = (ours * theirs).mean((2, 3), keepdim=True) - m1 * m2
            texture = (2 * m1 * m2 + _TINY) / (m1.square() + m2.square() + _TINY)
            structure = (2 * cov + _TINY) / (v1 + v2 + _TINY)
            alike = alike + (alpha.to(sr) * texture + beta.to(sr) * structure).sum((1, 2, 3))
        return 1 - alike

    def _layers(self, image: Tensor) -> list[Tensor]:
        mean, std = (
            image.new_tensor(values).view(1, 3, 1, 1) for values in (_DISTS_MEAN, _DISTS_STD)
        )
        x = ((image - mean) / std).contiguous(memory_format=torch.channels_last)
        layers, convs = [image], iter(self.convs)
        for level, count in enumerate(_STAGES):
            x = _l2_pool(x) if level else x
            for _ in range(count):
                x = F.relu(next(convs)(x))
            layers.append(x.float())
        return layers


def _l2_pool(x: Tensor) -> Tensor:
    """Halve an image by the root of the weighted mean of squares, a Hann window's 3 x 3."""
    line = x.new_tensor([0.25, 0.5, 0.25])
    window = (line[:, None] * line).expand(x.shape[1], 1, 3, 3)
    return (F.conv2d(x.square(), window, stride=2, padding=1, groups=x.shape[1]) + 1e-12).sqrt()


def _vgg16(folder: Path) -> nn.ModuleList:
    backbone = _tensors(folder, _BACKBONE, "lpips@vgg")
    convs = nn.ModuleList()
    for place in _PLACES:
        weight = backbone[f"features.{place}.weight"]
        conv = nn.Conv2d(weight.shape[1], weight.shape[0], 3, padding=1)
        conv.load_state_dict({"weight": weight, "bias": backbone[f"features.{place}.bias"]})
        convs.append(conv)
    return convs


def _tensors(folder: Path, stem: str, metric: str) -> dict[str, Any]:
    found = sorted(folder.glob(f"{stem}*"))
    if not found:
        raise WeightsMissingError(
            f"No {stem} in {show(folder)}.", f"Get it: mfsr-bench weights fetch {metric}"
        )
    path = found[0]
    tensors: dict[str, Any] = (
        read_safetensors(path) if path.suffix == ".safetensors" else read_torch(path)
    )
    return tensors
