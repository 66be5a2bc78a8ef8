"""What the loop of `mfsr.training.trainer` trains: a module, with its data and its loss."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Generator, Tensor, nn

from benchmarks.api.seeds import seed_for

if TYPE_CHECKING:
    from baselines.dit4sr.autoencoder import Autoencoder
    from baselines.sd3.text import Text, TextEmbedder
    from mfsr.training.order import Sample


@dataclass(frozen=True, slots=True)
class Streams:
    """The named random streams of one micro-batch on one rank."""

    seed: int
    micro: int
    rank: int

    def generator(self, name: str) -> Generator:
        """Return a generator at the start of a stream of this micro-batch."""
        return Generator().manual_seed(seed_for(self.seed, name, str(self.micro), str(self.rank)))

    def of(self, name: str, numbers: list[int]) -> list[Generator]:
        """Return a generator for each sample, at the start of its stream.

        What is drawn from them is the same however a step's samples are dealt to processes and
        micro-batches.
        """
        return [Generator().manual_seed(seed_for(self.seed, name, str(n))) for n in numbers]


class Task(ABC):
    """A module to train, and its loss."""

    module: nn.Module  # trained; what the trainer wraps for several processes

    def __init__(self, *, seed: int) -> None:
        self.seed = seed
        self.device = torch.device("cpu")
        self.sharded = False  # set by the trainer under FSDP

    def to(self, device: torch.device) -> None:
        """Move what is not trained, and so not moved by the trainer, to a device."""
        self.device = device

    @abstractmethod
    def loss(
        self, model: nn.Module, batch: Sample, streams: Streams, step: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of a micro-batch and scalars to log; `model` is the wrapped module."""

    @abstractmethod
    def preview(self, batch: Sample, streams: Streams) -> Tensor:
        """Return images (B, 3, H, W) made with the weights as they are."""


class FlowTask(Task):
    """A task whose module is a field: data as latents, prompts as text."""

    def __init__(
        self, *, autoencoder: Autoencoder, text: TextEmbedder, seed: int, negative: str
    ) -> None:
        super().__init__(seed=seed)
        self.autoencoder, self.text, self.negative = autoencoder, text, negative
        self._fixed: dict[str, Text] = {}

    def latents(self, batch: Sample, streams: Streams) -> tuple[Tensor, Tensor, Tensor]:
        """Return data x, noise eps and the condition z_LR of a batch."""
        numbers = batch["number"]
        if "x" in batch:
            x, z_lr = batch["x"].to(self.device), batch["z_lr"].to(self.device)
        else:
            hr, lr_up = batch["hr"].to(self.device), batch["lr_up"].to(self.device)
            x = self.autoencoder.encode_hr(hr, lr_up, streams.of("hr latent", numbers))
            z_lr = self.autoencoder.encode_lr(lr_up, streams.of("lr latent", numbers))
        noise = [torch.randn(x.shape[1:], generator=g) for g in streams.of("noise", numbers)]
        return x, torch.stack(noise).to(x), z_lr

    def embedded(self, batch: Sample) -> Text:
        """Return the text of a batch, without gradient."""
        if "text" in batch:
            return batch["text"].to(self.device), batch["pooled"].to(self.device)
        with torch.no_grad():
            text, pooled = self.text.embed(batch["prompt"])
        return text.to(self.device), pooled.to(self.device)

    def fixed(self, prompt: str) -> Text:
        """Return the embedding of a prompt that all samples share, computed once."""
        if prompt not in self._fixed:
            with torch.no_grad():
                text, pooled = self.text.embed([prompt])
            self._fixed[prompt] = text.to(self.device), pooled.to(self.device)
        return self._fixed[prompt]


def mean_where(values: Tensor, mask: Tensor) -> Tensor:
    """Return the mean of the masked values; NaN, which is not logged, where there are none."""
    picked = values.detach()[mask]
    return picked.mean() if len(picked) else torch.tensor(math.nan)
