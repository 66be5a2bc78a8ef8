"""The memory of a method whose networks compute one after another, counted on the meta device."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from benchmarks.api.memory import CONTEXT_BYTES, network_bytes, peak_bytes


@dataclass(frozen=True, slots=True)
class Need:
    """What networks that compute together take on a device, in bytes."""

    weights: int
    activations: int = 0  # at the peak

    def repeated(self, copies: int) -> Need:
        """Return what `copies` of the networks take that compute one after another."""
        return replace(self, weights=copies * self.weights)


def of_networks(
    build: Callable[[], Sequence[nn.Module]],
    compute: Callable[..., object],
    dtype: torch.dtype,
) -> Need:
    """Return what networks take that compute together.

    Args:
        build: gives the networks; called on the meta device.
        compute: runs them; is given them, with tensors on the meta device by default.
        dtype: of the networks.
    """
    with torch.device("meta"):
        networks = build()
        for network in networks:
            nn.Module.to(network, dtype)
        activations = peak_bytes(lambda: compute(*networks))
    return Need(sum(network_bytes(network, dtype) for network in networks), activations)


def of_vae(config: dict[str, Any], size: tuple[int, int], batch: int, dtype: torch.dtype) -> Need:
    """Return what a VAE takes to encode and decode images of `size` (height, width)."""
    from diffusers import AutoencoderKL

    height, width = size

    def compute(vae: Any) -> None:
        image = torch.empty(batch, 3, height, width, dtype=dtype)
        factor = 2 ** (len(vae.config.block_out_channels) - 1)
        channels = vae.config.latent_channels
        vae.encode(image)
        vae.decode(image.new_empty(batch, channels, height // factor, width // factor))

    return of_networks(lambda: [AutoencoderKL(**config)], compute, dtype)


def peak(needs: Iterable[Need], *, offload: bool) -> int:
    """Return the bytes of GPU memory at the peak.

    Args:
        needs: of networks that compute one after another.
        offload: whether only those that compute are on the device.
    """
    needs = tuple(needs)
    if offload:
        return max(need.weights + need.activations for need in needs) + CONTEXT_BYTES
    weights = sum(need.weights for need in needs)
    return weights + max(need.activations for need in needs) + CONTEXT_BYTES
