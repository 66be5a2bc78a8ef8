"""Stage 0 of the small models as a task: the base and its expected error."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import torch
import torch.nn.functional as F
from pydantic.dataclasses import dataclass as document
from torch import Tensor, nn

from benchmarks.api.documents import STRICT
from mfsr.tiny.base import CELL, Base
from mfsr.training.tasks import Streams, Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mfsr.training.order import Sample


Distance = Callable[[Tensor, Tensor], Tensor]  # of images (B, 3, h, w) in [0, 1] -> (B,)


@document(frozen=True, slots=True, kw_only=True, config=STRICT)
class BaseTrainingConfig:
    """Stage 0: L1, LPIPS and DISTS in turn, no pattern of cells, and the error's likelihood."""

    lpips: float = 0.3  # weight, on average over the steps
    dists: float = 0.3
    distances_from: int = 600  # steps of L1 alone before
    side: int = 64  # pixels, of the square that LPIPS or DISTS looks at
    samples: int = 4  # of a micro-batch that they look at
    pattern: float = 50.0  # of the error that neighbouring cells have in common
    likelihood: float = 0.05
    trained: Literal["all", "error"] = "all"  # "error": s alone, by its likelihood, b as it is


class BaseTask(Task):
    """b(LR) -> HR; s by the likelihood of a normal distribution of each frequency of the rest."""

    def __init__(
        self,
        base: Base,
        config: BaseTrainingConfig,
        distances: Sequence[tuple[float, Distance]],
        *,
        seed: int,
    ) -> None:
        super().__init__(seed=seed)
        self.module, self.base, self.config = base, base, config
        self.distances = distances  # with their weights; one of them a step
        if config.trained == "error":
            base.requires_grad_(requires_grad=False)
            base.error.requires_grad_(requires_grad=True)

    def loss(
        self, model: nn.Module, batch: Sample, streams: Streams, step: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss."""
        config = self.config
        hr, lr_up = batch["hr"].to(self.device), batch["lr_up"].to(self.device)
        b, log_error = model(lr_up)
        b, log_error = b.float(), log_error.float()
        x = self.base.project(hr - b.detach()) * (-log_error).exp()
        likelihood = (x.square() / 2 + log_error).mean()
        if config.trained == "error":
            return likelihood, {}
        l1 = (b - hr).abs().mean()
        pattern = common_error(b - hr)
        loss = l1 + config.pattern * pattern + config.likelihood * likelihood
        scalars = {"l1": l1, "likelihood": likelihood, "pattern": pattern}
        if self.distances and step >= config.distances_from:
            turn = step % len(self.distances)
            weight, distance = self.distances[turn]
            part = self._part(hr, streams)
            found = distance(b[part], hr[part]).mean()
            loss = loss + len(self.distances) * weight * found
            scalars[f"distance {turn}"] = found
        return loss, {name: value.detach() for name, value in scalars.items()}

    def _part(self, hr: Tensor, streams: Streams) -> tuple[slice, ...]:
        side = min(self.config.side, hr.shape[-1])
        generator = streams.generator("distances")
        y, x = torch.randint(hr.shape[-1] - side + 1, (2,), generator=generator).tolist()
        return slice(self.config.samples), slice(None), slice(y, y + side), slice(x, x + side)

    @torch.no_grad()
    def preview(self, batch: Sample, streams: Streams) -> Tensor:
        """Return the base's images."""
        b: Tensor = self.base(batch["lr_up"].to(self.device))[0]
        return b


def common_error(error: Tensor) -> Tensor:
    """Return the mean square of what 5 x 5 cells' errors share beyond their mean, a pattern."""
    cells = F.avg_pool2d(F.pixel_unshuffle(error.mean(1, keepdim=True), CELL), 5, stride=2)
    return (cells - cells.mean(1, keepdim=True)).square().mean()
