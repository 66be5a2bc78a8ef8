"""OFTSR's network: guided diffusion's U-Net, as diffusers' stock class of the same layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from diffusers import UNet2DModel
from torch import Tensor

if TYPE_CHECKING:
    from baselines.oftsr.releases import Shape

HEAD = 64  # channels of an attention head
_GROUPS = 32
_TIME_SCALE = 999.0


def build(shape: Shape) -> Any:
    """Return the U-Net of a shape: six channels in, x and x_LR, and six out, of which three count.

    Its attention layers need norm groups of their own: without, the middle one has no norm.
    """
    attends = [2**level in shape.attention for level in range(len(shape.multipliers))]
    return UNet2DModel(
        sample_size=256,
        in_channels=6,
        out_channels=6,
        layers_per_block=shape.layers,
        block_out_channels=tuple(shape.channels * times for times in shape.multipliers),
        down_block_types=tuple(
            "AttnDownBlock2D" if attend else "ResnetDownsampleBlock2D" for attend in attends
        ),
        up_block_types=tuple(
            "AttnUpBlock2D" if attend else "ResnetUpsampleBlock2D" for attend in attends[::-1]
        ),
        resnet_time_scale_shift="scale_shift",
        downsample_type="resnet",
        upsample_type="resnet",
        attention_head_dim=HEAD,
        attn_norm_num_groups=_GROUPS,
        norm_num_groups=_GROUPS,
        norm_eps=1e-5,
        dropout=0.1,
        flip_sin_to_cos=True,
        freq_shift=0,
    )


def velocity(unet: Any, x: Tensor, x_lr: Tensor, t: float) -> Tensor:
    """Return v(x, t | x_LR) of images (B, 3, H, W) in [-1, 1] at time t in [0, 1], in float32."""
    times = torch.full((len(x),), _TIME_SCALE * t, dtype=torch.float32, device=x.device)
    both = torch.cat([x, x_lr], dim=1).to(unet.dtype)
    out: Tensor = unet(both, times).sample
    return out[:, :3].float()
