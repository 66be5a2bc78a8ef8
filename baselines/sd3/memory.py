"""What the methods on Stable Diffusion 3 share: the VAE's shape, and the memory that they take."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from diffusers import AutoencoderKL
from torch import nn

from baselines.needs import Need, peak
from benchmarks.api.memory import CONTEXT_BYTES, network_bytes, peak_bytes

FACTOR = 8  # image pixels per latent pixel
CHANNELS = 16  # of a latent
TEXT_TOKENS, TEXT_WIDTH, POOLED_WIDTH = 333, 4096, 2048  # CLIP's 77 and T5's 256
TEXT_PARAMETERS = 5_580_620_800  # of CLIP-L, CLIP-bigG and T5-XXL's encoder, in float16 on a GPU

VAE = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "latent_channels": CHANNELS,
    "layers_per_block": 2,
    "use_quant_conv": False,
    "use_post_quant_conv": False,
}


class MetaVAE:
    """Stable Diffusion 3's VAE without memory."""

    def __init__(self, dtype: torch.dtype) -> None:
        with torch.device("meta"):
            self._vae = AutoencoderKL(**VAE)
        nn.Module.to(self._vae, dtype)
        self._dtype = dtype

    def needs(self, size: tuple[int, int], batch: int) -> Need:
        """Return what encoding and decoding images of `size` (height, width) take."""
        height, width = size
        image = torch.empty(batch, 3, height, width, device="meta", dtype=self._dtype)
        z = image.new_empty(batch, CHANNELS, height // FACTOR, width // FACTOR)
        encode = peak_bytes(lambda: self._vae.encode(image))
        decode = peak_bytes(lambda: self._vae.decode(z))
        return Need(network_bytes(self._vae, self._dtype), max(encode, decode))


def peak_memory(needs: Iterable[Need], *, offload: bool, text: bool) -> int:
    """Return the bytes of GPU memory of a method whose networks compute one after another.

    Args:
        needs: of its networks.
        offload: whether only the network that computes is on the device.
        text: whether the text encoders have been there before them, alone.
    """
    encoders = TEXT_PARAMETERS * torch.float16.itemsize if text else 0
    return max(peak(needs, offload=offload), encoders + CONTEXT_BYTES)
