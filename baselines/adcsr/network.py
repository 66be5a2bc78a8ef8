"""AdcSR's network: a pruned U-Net between PixelUnshuffle and the decoder of half the channels.

The U-Net is Stable Diffusion 2.1's without text, time and cross-attention, at three quarters of its
channels. It sees the LR image folded by 2 and gives the features that the decoder starts from.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from diffusers.models.autoencoders.vae import Decoder
from diffusers.models.unets.unet_2d_blocks import (
    CrossAttnDownBlock2D,
    CrossAttnUpBlock2D,
    DownBlock2D,
    UNetMidBlock2DCrossAttn,
    UpBlock2D,
)
from torch import Tensor, nn

from baselines.checkpoints import entry, load_strictly, read_pickle, read_tensors, require_same
from benchmarks.api.errors import WeightsCorruptError
from benchmarks.api.images import show

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLD = 2  # LR pixels per side that PixelUnshuffle folds into channels
MULTIPLE = 16  # LR pixels per side: the fold, and three times half
# The first of these that divides the channels is the number of groups of a norm in the U-Net.
_GROUPS = (32, 24, 16, 12, 8, 6, 4, 2, 1)
_LAYERS = 2  # residual blocks per level
_EPS = 1e-5  # of the U-Net's norms, but those of its transformers
_UNET, _MID = "body.1.", "body.2."  # upstream's `Net` is a sequence: fold, U-Net, decoder's middle
_DECODER = "decoder."


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The channels of the two networks."""

    unet: tuple[int, int, int, int] = (240, 480, 960, 960)  # 3/4 of Stable Diffusion 2.1's
    heads: tuple[int, int, int, int] = (5, 10, 20, 20)  # of attention, all kept
    decoder: tuple[int, int, int, int] = (64, 128, 256, 256)  # half of its VAE's
    decoder_groups: int = 32  # of the decoder's norms


class PrunedUNet(nn.Module):
    """SD 2.1's U-Net without time, text and cross-attention; the names are diffusers'."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        widths, heads = shape.unet, shape.heads
        self.conv_in = nn.Conv2d(3 * FOLD**2, widths[0], 3, padding=1)
        self.down_blocks = nn.ModuleList()
        for level, width in enumerate(widths):
            before = widths[max(level - 1, 0)]
            common = {
                "in_channels": before,
                "out_channels": width,
                "temb_channels": None,
                "num_layers": _LAYERS,
                "resnet_groups": 1,
                "resnet_eps": _EPS,
                "downsample_padding": 1,
            }
            last = level == len(widths) - 1
            block = (
                DownBlock2D(**common, add_downsample=False)
                if last
                else CrossAttnDownBlock2D(**common, **_attention(heads[level]))
            )
            self.down_blocks.append(block)
        self.mid_block = UNetMidBlock2DCrossAttn(
            in_channels=widths[-1],
            temb_channels=None,
            resnet_groups=1,
            resnet_eps=_EPS,
            **_attention(heads[-1]),
        )
        self.up_blocks = nn.ModuleList(_up_blocks(widths, heads))
        self.conv_norm_out = nn.GroupNorm(1, widths[0], eps=_EPS)
        self.conv_out = nn.Conv2d(widths[0], shape.decoder[-1], 3, padding=1)
        for module in self.modules():
            if isinstance(module, nn.GroupNorm):
                module.num_groups = _groups(module.num_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return the decoder's first features (B, C, h, w) of a folded LR image (B, 12, h, w)."""
        x = self.conv_in(x)
        taps: list[Tensor] = [x]
        for block in self.down_blocks:
            x, outputs = block(x)
            taps += outputs
        x = self.mid_block(x)
        for block in self.up_blocks:
            x = block(x, tuple(taps[-_LAYERS - 1 :]))
            del taps[-_LAYERS - 1 :]
        features: Tensor = self.conv_out(F.silu(self.conv_norm_out(x)))
        return features


def _attention(heads: int) -> dict[str, object]:
    """Return a block's arguments for self-attention alone."""
    return {
        "num_attention_heads": heads,
        "cross_attention_dim": None,
        "use_linear_projection": True,
    }


def _up_blocks(widths: tuple[int, ...], heads: tuple[int, ...]) -> list[nn.Module]:
    blocks: list[nn.Module] = []
    for level in reversed(range(len(widths))):
        common = {
            "in_channels": widths[max(level - 1, 0)],
            "out_channels": widths[level],
            "prev_output_channel": widths[min(level + 1, len(widths) - 1)],
            "temb_channels": None,
            "num_layers": _LAYERS + 1,
            "resnet_groups": 1,
            "resnet_eps": _EPS,
            "add_upsample": level > 0,
        }
        lowest = level == len(widths) - 1
        blocks.append(
            UpBlock2D(**common)
            if lowest
            else CrossAttnUpBlock2D(**common, **_attention(heads[level]))
        )
    return blocks


def _groups(channels: int) -> int:
    """Return the groups of a norm in the pruned U-Net, as upstream chooses them."""
    return next(groups for groups in _GROUPS if channels % groups == 0)


class AdcSRNetwork(nn.Module):
    """From LR images to SR images, both in [-1, 1]."""

    def __init__(self, shape: Shape | None = None) -> None:
        super().__init__()
        shape = shape or Shape()
        self.unet = PrunedUNet(shape)
        self.decoder = Decoder(
            in_channels=4,  # of the latent, whose convolution is not used
            out_channels=3,
            up_block_types=("UpDecoderBlock2D",) * len(shape.decoder),
            block_out_channels=shape.decoder,
            layers_per_block=_LAYERS,
            norm_num_groups=shape.decoder_groups,
        )

    def forward(self, lr: Tensor) -> Tensor:
        """Return SR (B, 3, 4h, 4w) of LR (B, 3, h, w), sides in multiples of `MULTIPLE`."""
        return self.decode(self.features(lr))

    def features(self, lr: Tensor) -> Tensor:
        """Return the decoder's features (B, C, h/2, w/2) after its middle."""
        middle: Tensor = self.decoder.mid_block(self.unet(F.pixel_unshuffle(lr, FOLD)))
        return middle

    def decode(self, features: Tensor) -> Tensor:
        """Return images of the decoder's features."""
        decoder = self.decoder
        for block in decoder.up_blocks:
            features = block(features)
        image: Tensor = decoder.conv_out(F.silu(decoder.conv_norm_out(features)))
        return image


def load_network(path: Path, decoder: Path, shape: Shape | None = None) -> AdcSRNetwork:
    """Load the network of its two official files, ready for inference.

    Args:
        path: `net_params_200.pkl`, the U-Net and the decoder's middle.
        decoder: `halfDecoder.ckpt`, of which the blocks after the middle are used.
        shape: the networks' channels.

    Raises:
        WeightsCorruptError: a file is not one of this network; the first key that differs is named.
    """
    with torch.device("meta"):
        network = AdcSRNetwork(shape)
    found = read_tensors(path, wrapper="state_dict")
    tensors = _unet(found, network.unet, path) | _decoder(found, network, path, decoder)
    del network.decoder.conv_in
    load_strictly(network, tensors, path)
    return network


def _unet(found: Mapping[str, Tensor], network: nn.Module, path: Path) -> dict[str, Tensor]:
    """Return the U-Net's tensors by our names.

    Upstream runs the U-Net as a sequence of its blocks beside the blocks themselves: its file names
    each tensor but the first convolution's twice.
    """
    own = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    expected = {_UNET + name: shape for name, shape in own.items()}
    twice = {_UNET + name: _UNET + second for name in own if (second := second_name(name))}
    expected |= {second: expected[first] for first, second in twice.items()}
    given = {name: tensor for name, tensor in found.items() if not name.startswith(_MID)}
    require_same(given, expected, show(path))
    for first, second in twice.items():
        if not torch.equal(found[first], found[second]):
            raise WeightsCorruptError(
                f"{show(path)} holds two tensors for one: '{first}' and '{second}' differ.",
                "The file is damaged: fetch it again.",
            )
    return {f"unet.{name}": found[_UNET + name] for name in own}


def second_name(name: str) -> str:
    """Return the second name of one of the U-Net's tensors; empty for the first convolution's."""
    part, _, rest = name.partition(".")
    if part in ("down_blocks", "up_blocks"):
        index, _, rest = rest.partition(".")
        return f"body.{int(index) + (5 if part == 'up_blocks' else 0)}.{rest}"
    place = {"mid_block": 4, "conv_norm_out": 9, "conv_out": 11}.get(part)
    return f"body.{place}.{rest}" if place else ""


def _decoder(
    found: Mapping[str, Tensor], network: AdcSRNetwork, path: Path, decoder: Path
) -> dict[str, Tensor]:
    """Return the decoder's tensors by our names: its middle of the first file, the rest."""
    own = {name: tuple(t.shape) for name, t in network.decoder.state_dict().items()}
    whole = entry(read_pickle(decoder), "state_dict", dict, decoder)
    half = {
        name.removeprefix(_DECODER): tensor
        for name, tensor in whole.items()
        if name.startswith(_DECODER)
    }
    require_same(half, own, f"{show(decoder)}, {_DECODER}")
    middle = {
        _MID + name.removeprefix("mid_block."): shape
        for name, shape in own.items()
        if name.startswith("mid_block.")
    }
    trained = {name: tensor for name, tensor in found.items() if name.startswith(_MID)}
    require_same(trained, middle, show(path))
    half |= {f"mid_block.{name.removeprefix(_MID)}": tensor for name, tensor in trained.items()}
    return {
        f"decoder.{name}": tensor
        for name, tensor in half.items()
        if not name.startswith("conv_in.")
    }
