"""Stage 0 of the small models as a task: the base and its expected error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from pydantic.dataclasses import dataclass as document
from torch import Tensor, nn

from benchmarks.api.documents import STRICT
from mfsr.tiny.base import CELL, Base
from mfsr.training.tasks import Streams, Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from mfsr.training.order import Sample


@document(frozen=True, slots=True, kw_only=True, config=STRICT)
class BaseTrainingConfig:
    """Stage 0: L1 + perceptual LPIPS, and a small share of the error's likelihood."""

    perceptual: float = 0.5
    perceptual_from: int = 600  # steps of L1 alone before
    perceptual_late: float = 0.12  # in the place of `perceptual`, at the end: weaker 4 x 4 patterns
    perceptual_late_from: int = 2900
    perceptual_side: int = 48  # pixels, of the square that LPIPS looks at
    perceptual_samples: int = 4  # of a micro-batch that LPIPS looks at
    likelihood: float = 0.01
    whitening_samples: int = 400  # of which the latent's components are taken


class BaseTask(Task):
    """b(LR) -> HR; s by the likelihood of a Laplace distribution of the mean error of a cell."""

    def __init__(
        self,
        base: Base,
        config: BaseTrainingConfig,
        perceptual: Callable[[Tensor, Tensor], Tensor] | None,
        *,
        seed: int,
    ) -> None:
        super().__init__(seed=seed)
        self.module, self.base, self.config = base, base, config
        self.perceptual = perceptual  # LPIPS of images in [0, 1]

    def loss(
        self, model: nn.Module, batch: Sample, streams: Streams, step: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss."""
        config = self.config
        hr, lr_up = batch["hr"].to(self.device), batch["lr_up"].to(self.device)
        b, log_error = model(lr_up)
        error = (b - hr).abs()
        of_cells = F.avg_pool2d(error.detach().mean(1, keepdim=True), CELL)
        likelihood = (of_cells * (-log_error).exp() + log_error).mean()
        loss = error.mean() + config.likelihood * likelihood
        scalars = {"l1": error.detach().mean(), "likelihood": likelihood.detach()}
        if self.perceptual and step >= config.perceptual_from:
            part = self._part(hr, streams)
            distance = self.perceptual(b[part], hr[part]).mean()
            late = step >= config.perceptual_late_from
            loss = loss + (config.perceptual_late if late else config.perceptual) * distance
            scalars["lpips"] = distance.detach()
        return loss, scalars

    def _part(self, hr: Tensor, streams: Streams) -> tuple[slice, ...]:
        side = min(self.config.perceptual_side, hr.shape[-1])
        generator = streams.generator("perceptual")
        y, x = torch.randint(hr.shape[-1] - side + 1, (2,), generator=generator).tolist()
        samples = slice(self.config.perceptual_samples)
        return samples, slice(None), slice(y, y + side), slice(x, x + side)

    @torch.no_grad()
    def preview(self, batch: Sample, streams: Streams) -> Tensor:
        """Return the base's images."""
        b: Tensor = self.base(batch["lr_up"].to(self.device))[0]
        return b
