"""What SUPIR's decoder does with the control features c, in twelve places.

SFT, in the place of a skip's concatenation (Section 3.1 of the paper, "ZeroSFT"):

    y = [h, skip + conv1(c)],   a = SiLU(conv3(c))
    h <- w (GN(y) (1 + conv3(a)) + conv3(a)) + (1 - w) [h, skip]

Cross-attention, before the decoder enlarges:  h <- h + w Attention(q = GN(h), kv = GN(c))
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from diffusers.models.attention_processor import Attention
from torch import Tensor, nn

_GROUPS, _HIDDEN, _HEAD = 32, 128, 64


class ZeroSFT(nn.Module):
    """Modulates features, joined to a skip where there is one, by the control features."""

    def __init__(self, control: int, skip: int, before: int) -> None:
        """Build it.

        Args:
            control: channels of the control features.
            skip: channels of what they are added to: the skip, or the features without one.
            before: channels of the decoder's features that stand before the skip; 0 without one.
        """
        super().__init__()
        self.param_free_norm = nn.GroupNorm(_GROUPS, skip + before)  # which has parameters
        self.mlp_shared = nn.Sequential(nn.Conv2d(control, _HIDDEN, 3, 1, 1))
        self.zero_mul = nn.Conv2d(_HIDDEN, skip + before, 3, 1, 1)
        self.zero_add = nn.Conv2d(_HIDDEN, skip + before, 3, 1, 1)
        self.zero_conv = nn.Conv2d(control, skip, 1)
        self._before = before

    def forward(self, joined: Tensor, control: Tensor, weight: float) -> Tensor:
        """Modulate [h, skip] (B, before + skip, h, w)."""
        h, skip = joined.tensor_split([self._before], dim=1)
        y = torch.cat([h, skip + self.zero_conv(control)], dim=1)
        shared = F.silu(self.mlp_shared(control))
        scale, shift = 1 + self.zero_mul(shared), self.zero_add(shared)
        modulated: Tensor = self.param_free_norm(y) * scale + shift
        return weight * modulated + (1 - weight) * joined


class ZeroCrossAttn(nn.Module):
    """Lets features look at the control features."""

    def __init__(self, control: int, features: int) -> None:
        super().__init__()
        heads = features // _HEAD
        self.attn = Attention(features, control, heads=heads, dim_head=_HEAD)
        self.norm1 = nn.GroupNorm(_GROUPS, features)
        self.norm2 = nn.GroupNorm(_GROUPS, control)

    def forward(self, h: Tensor, control: Tensor, weight: float) -> Tensor:
        """Look at control features (B, C, h, w)."""
        q, kv = (x.flatten(2).transpose(1, 2) for x in (self.norm1(h), self.norm2(control)))
        found: Tensor = self.attn(q, kv).transpose(1, 2)
        return h + weight * found.reshape(h.shape)


class Control:
    """The control features that the decoder uses next, and their weight."""

    def __init__(self) -> None:
        self.features: tuple[Tensor, ...] = ()
        self.weight = 1.0


def adapt(unet: Any, control: Control) -> None:
    """Give a stock SDXL U-Net its twelve modules, as `project_modules`, in the official order.

    They are used from the last to the first: after the middle, then one for each layer of the
    decoder, and one more before it enlarges. Hooks put them where they belong, so that the
    library's names and its forward pass stay as they are.
    """
    channels = _skip_channels(unet)
    modules: list[nn.Module] = [ZeroSFT(channels[-1], channels[-1], 0)]
    unet.mid_block.register_forward_hook(_after(modules[0], control, len(channels)))
    index = len(channels) - 1
    for block in unet.up_blocks:
        for resnet in block.resnets:
            skip = channels[index]
            sft = ZeroSFT(skip, skip, resnet.in_channels - skip)
            resnet.register_forward_pre_hook(_before(sft, control, index))
            modules.append(sft)
            last, index = index, index - 1
        for enlarge in block.upsamplers or ():
            attention = ZeroCrossAttn(channels[last], block.resnets[-1].out_channels)
            enlarge.register_forward_pre_hook(_before(attention, control, last))
            modules.append(attention)
    unet.project_modules = nn.ModuleList(reversed(modules))


def _skip_channels(unet: Any) -> list[int]:
    """Return the channels of the encoder's skips, in order."""
    channels = [unet.config.block_out_channels[0]]
    for block in unet.down_blocks:
        layers = len(block.resnets) + bool(block.downsamplers)
        channels += [block.resnets[-1].out_channels] * layers
    return channels


def _before(module: nn.Module, control: Control, index: int) -> Any:
    def hook(_: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        return module(args[0], control.features[index], control.weight), *args[1:]

    return hook


def _after(module: nn.Module, control: Control, index: int) -> Any:
    def hook(_: nn.Module, __: tuple[Any, ...], output: Tensor) -> Any:
        return module(output, control.features[index], control.weight)

    return hook
