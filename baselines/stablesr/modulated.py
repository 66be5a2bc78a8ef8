"""A stock U-Net with spatially-adaptive normalisation in each of its resnets.

Behind a resnet's second convolution, before its input is added (Park et al., CVPR 2019):

    h <- GN(h) (1 + gamma(s)) + beta(s),   s the structure feature of h's size
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch.nn.functional as F
from diffusers import UNet2DConditionModel
from diffusers.models.resnet import ResnetBlock2D
from torch import Tensor, nn

from baselines import ldm

_GROUPS, _HIDDEN = 32, 128


class Structure:
    """The features that the resnets are modulated by, by their size."""

    def __init__(self) -> None:
        self._by_size: dict[tuple[int, ...], Tensor] = {}

    def show(self, features: list[Tensor]) -> None:
        """Set the features of the latents that are computed next."""
        self._by_size = {tuple(feature.shape[-2:]): feature for feature in features}

    def of(self, hidden: Tensor) -> Tensor:
        """Return the feature of the size of `hidden`."""
        return self._by_size[tuple(hidden.shape[-2:])]


class SPADE(nn.Module):
    """Normalises features (B, C, h, w) and modulates them by others (B, S, h, w)."""

    def __init__(self, channels: int, features: int) -> None:
        super().__init__()
        self.param_free_norm = nn.GroupNorm(_GROUPS, channels)  # which has parameters
        self.mlp_shared = nn.Sequential(nn.Conv2d(features, _HIDDEN, 3, 1, 1))
        self.mlp_gamma = nn.Conv2d(_HIDDEN, channels, 3, 1, 1)
        self.mlp_beta = nn.Conv2d(_HIDDEN, channels, 3, 1, 1)

    def forward(self, hidden: Tensor, feature: Tensor) -> Tensor:
        """Normalise and modulate."""
        shared = F.relu(self.mlp_shared(feature))
        scale, shift = 1 + self.mlp_gamma(shared), self.mlp_beta(shared)
        modulated: Tensor = self.param_free_norm(hidden) * scale + shift
        return modulated


class ModulatedConv(nn.Module):
    """A resnet's second convolution, then SPADE."""

    def __init__(self, conv: nn.Conv2d, features: int, structure: Structure) -> None:
        super().__init__()
        self.conv, self.spade = conv, SPADE(conv.out_channels, features)
        self._structure = structure

    def forward(self, x: Tensor) -> Tensor:
        """Apply both."""
        hidden = self.conv(x)
        modulated: Tensor = self.spade(hidden, self._structure.of(hidden))
        return modulated


def build(shape: dict[str, Any], features: int, structure: Structure) -> Any:
    """Return a stock U-Net with SPADE in each resnet."""
    unet = UNet2DConditionModel(**shape)
    for module in list(unet.modules()):
        if isinstance(module, ResnetBlock2D):
            module.conv2 = ModulatedConv(module.conv2, features, structure)
    return unet


def names(unet: Any) -> Callable[[str], str]:
    """Return what gives the official name of one of the U-Net's tensors."""
    stock = ldm.unet_names(unet)

    def official(name: str) -> str:
        return stock(name.replace(".conv2.conv.", ".conv2.").replace(".conv2.spade.", ".spade."))

    return official
