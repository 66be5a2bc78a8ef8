"""InvSR's noise predictor, and the steps from the LR image's latent to the restored one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from diffusers.models.embeddings import TimestepEmbedding, Timesteps
from diffusers.models.unets.unet_2d_blocks import AttnDownBlock2D, UNetMidBlock2D
from torch import Tensor, nn

from baselines.checkpoints import load_strictly, read_tensors
from baselines.sd21.one_step import alpha_bar

_EPS = 1e-6  # of group norms


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictorConfig:
    """The predictor's shape; the defaults are the released one's."""

    channels: tuple[int, ...] = (256, 512)  # of each level; each but the last halves the size
    layers: int = 3  # of each level
    groups: int = 32
    time_channels: int = 512
    head_channels: int = 64


class NoisePredictor(nn.Module):
    """Predicts the noise of a latent (B, 4, 2h, 2w) from its LR image, for a timestep.

    The encoder of a VAE with attention and a time embedding at every layer.
    """

    def __init__(self, config: PredictorConfig) -> None:
        super().__init__()
        first, last = config.channels[0], config.channels[-1]
        width = max(128, first)
        self.time_proj = Timesteps(width, flip_sin_to_cos=True, downscale_freq_shift=0)
        self.time_embedding = TimestepEmbedding(width, config.time_channels)
        self.conv_in = nn.Conv2d(3, first, 3, padding=1)
        self.down_blocks = nn.ModuleList(
            AttnDownBlock2D(
                before,
                channels,
                config.time_channels,
                num_layers=config.layers,
                resnet_eps=_EPS,
                resnet_act_fn="silu",
                resnet_groups=config.groups,
                attention_head_dim=config.head_channels,
                downsample_padding=0,
                downsample_type="conv" if level < len(config.channels) else None,
            )
            for level, (before, channels) in enumerate(
                zip((first, *config.channels), config.channels, strict=False), 1
            )
        )
        self.mid_block = UNetMidBlock2D(
            last,
            config.time_channels,
            resnet_eps=_EPS,
            resnet_act_fn="silu",
            resnet_groups=config.groups,
            attention_head_dim=config.head_channels,
        )
        self.conv_norm_out = nn.GroupNorm(config.groups, last, eps=_EPS)
        self.conv_act = nn.SiLU()
        self.conv_out = nn.Conv2d(last, 2 * 4, 3, padding=1)

    def forward(self, lr: Tensor, timestep: int) -> DiagonalGaussianDistribution:
        """Return the distribution of the noise for LR images (B, 3, h, w) in [0, 1]."""
        time = self.time_proj(torch.full((len(lr),), timestep, device=lr.device))
        time = self.time_embedding(time.to(self.conv_in.weight.dtype))
        x = self.conv_in(lr * 2 - 1)
        for block in self.down_blocks:
            x, _ = block(x, time)
        x = self.mid_block(x, time)
        return DiagonalGaussianDistribution(self.conv_out(self.conv_act(self.conv_norm_out(x))))


def official(name: str) -> str:
    """Return what InvSR's file calls one of the predictor's tensors."""
    return f"encoder.{name}"


def load_predictor(path: Path, config: PredictorConfig) -> NoisePredictor:
    """Load the predictor in float32, from its file or from a checkpoint of its training.

    Raises:
        WeightsCorruptError: the file is not one of this network; the first key that differs is
            named.
    """
    tensors = read_tensors(path, wrapper="state_dict")
    compiled = "_orig_mod."
    if all(name.startswith(compiled) for name in tensors):
        tensors = {name.removeprefix(compiled): tensor for name, tensor in tensors.items()}
    with torch.device("meta"):
        predictor = NoisePredictor(config)
    load_strictly(predictor, tensors, path, official=official)
    return predictor


def sigma(timestep: int) -> float:
    """Return the standard deviation of the noise at a timestep, beside a signal of strength 1."""
    abar = alpha_bar(timestep)
    return float(((1 - abar) / abar) ** 0.5)


def denoise(
    z: Tensor, noise: Tensor, eps: Callable[[Tensor, int], Tensor], timesteps: Sequence[int]
) -> Tensor:
    """Return the restored latent, by Euler's method from z + sigma(first timestep) noise to 0.

    Args:
        z: the LR image's scaled latents (B, 4, h, w).
        noise: predicted for them at the first timestep.
        eps: gives the network's prediction for latents of variance 1 and their timestep.
        timesteps: falling.
    """
    sigmas = [*map(sigma, timesteps), 0.0]
    x = z + noise * sigmas[0]
    for index, timestep in enumerate(timesteps):
        now, following = sigmas[index : index + 2]
        prediction = eps(x / (now**2 + 1) ** 0.5, timestep)
        x = (x.float() + (following - now) * prediction.float()).to(prediction.dtype)
    return x
