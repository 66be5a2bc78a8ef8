"""The network as a velocity field, and what such a field is, whichever network is behind it.

sigma runs from 0 (data x) to 1 (noise eps), in diffusers' sign: z_sigma = (1 - sigma) x + sigma eps
and V(z, sigma) = dz/dsigma.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from benchmarks.api.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Condition:
    """What a velocity is conditioned on, beside z and time."""

    z_lr: Tensor  # (B, C, H, W)
    text: Tensor  # (B, T, width of a text token)
    pooled: Tensor  # (B, pooled width)

    def __getitem__(self, index: Tensor | slice) -> Condition:
        return Condition(self.z_lr[index], self.text[index], self.pooled[index])

    def with_text(self, text: Tensor, pooled: Tensor) -> Condition:
        """Return the condition under another prompt, the same one (1, ...) for all samples."""
        batch = len(self.z_lr)
        return Condition(
            self.z_lr, text.expand(batch, *text.shape[1:]), pooled.expand(batch, *pooled.shape[1:])
        )

    def joined(self, *others: Condition) -> Condition:
        """Return the conditions as one batch."""
        all_ = (self, *others)
        return Condition(
            torch.cat([c.z_lr for c in all_]),
            torch.cat([c.text for c in all_]),
            torch.cat([c.pooled for c in all_]),
        )


class Velocity(Protocol):
    """V(z, sigma | c): (B, C, H, W), for times (B,)."""

    def __call__(self, z: Tensor, sigma: Tensor, c: Condition, /) -> Tensor:
        """Return the velocity."""
        ...


class Network(nn.Module):
    """What may stand behind a velocity field: all that sampler, student and trainer ask of it.

    DiT4SR is one. Another network takes its place by filling in what is here; its
    `time_text_embed` is a module with diffusers' parts (`time_proj`, `timestep_embedder`,
    `text_embedder`), which a student replaces by one of two times.
    """

    time_text_embed: nn.Module  # (timestep, pooled text) -> what the blocks are modulated by

    def forward(
        self, z: Tensor, z_lr: Tensor, text: Tensor, pooled: Tensor, timestep: Tensor
    ) -> Tensor:
        """Return V, or U where `time_text_embed` takes two times, (B, C, H, W).

        Args:
            z: noisy latent (B, C, H, W).
            z_lr: the condition made of the LR image (B, C', H, W).
            text: text tokens (B, T, width).
            pooled: pooled text (B, pooled width).
            timestep: what the time embedding takes, in float32: (B,) a multiple of sigma, or
                (B, 2) sigma and r.
        """
        raise NotImplementedError

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.parameters()).device

    @property
    def compute_dtype(self) -> torch.dtype:
        """The dtype that z, z_LR and text are to be given in."""
        return next(self.parameters()).dtype

    def is_condition(self, name: str) -> bool:
        """Return whether a parameter is trained where the rest is pretrained; here, all are."""
        return True

    def is_dead(self, name: str) -> bool:
        """Return whether a parameter never receives a gradient."""
        return False

    def enable_gradient_checkpointing(self) -> None:
        """Recompute activations in the backward pass.

        Raises:
            ConfigError: the network cannot.
        """
        raise ConfigError(f"{type(self).__name__} has no gradient checkpointing.")


def evaluate(network: Network, z: Tensor, timestep: Tensor, c: Condition) -> Tensor:
    """Return a network's output, z and condition cast to the dtype that it computes in."""
    dtype = network.compute_dtype
    z, z_lr, text, pooled = (part.to(dtype) for part in (z, c.z_lr, c.text, c.pooled))
    return cast("Tensor", network(z, z_lr, text, pooled, timestep))


class NetworkVelocity:
    """V(z, sigma | c) by a network whose output it is, at the timestep time_scale * sigma."""

    def __init__(self, network: Network, *, time_scale: float = 1000.0) -> None:
        self.network, self.time_scale = network, time_scale

    def __call__(self, z: Tensor, sigma: Tensor, c: Condition, /) -> Tensor:
        """Evaluate the network."""
        return evaluate(self.network, z, self.time_scale * sigma.float(), c)


def over(values: Tensor, like: Tensor) -> Tensor:
    """Return per-sample values (B,) in a shape that broadcasts over `like` (B, ...)."""
    return values.view(-1, *(1 for _ in like.shape[1:]))
