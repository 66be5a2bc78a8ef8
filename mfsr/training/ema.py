"""An exponential moving average of the trained parameters, in float32."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


class EMA:
    """shadow <- decay * shadow + (1 - decay) * parameter, after each optimiser step.

    The decay is ramped up, min(decay, (1 + n) / (10 + n)) at the n-th update, so that the start is
    forgotten.
    """

    def __init__(self, parameters: Iterable[tuple[str, nn.Parameter]], decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.shadow = {name: p.detach().float().clone() for name, p in parameters}

    @torch.no_grad()
    def update(self, parameters: Iterable[tuple[str, nn.Parameter]]) -> None:
        """Take in the parameters as they are now."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for name, parameter in parameters:
            self.shadow[name].lerp_(parameter.detach().float(), 1 - decay)

    def state(self) -> dict[str, Tensor]:
        """Return what a checkpoint keeps."""
        return {**self.shadow, "updates": torch.tensor(self.updates)}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Put back what `state` returned."""
        self.updates = int(state["updates"])
        for name, tensor in self.shadow.items():
            tensor.copy_(state[name])

    @contextmanager
    def applied(self, parameters: Iterable[tuple[str, nn.Parameter]]) -> Iterator[None]:
        """Run a block with the averages in the place of the parameters."""
        named = list(parameters)
        kept = [p.detach().clone() for _, p in named]
        try:
            with torch.no_grad():
                for name, parameter in named:
                    parameter.copy_(self.shadow[name])
            yield
        finally:
            with torch.no_grad():
                for (_, parameter), tensor in zip(named, kept, strict=True):
                    parameter.copy_(tensor)
