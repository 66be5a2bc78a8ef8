"""Which samples a micro-batch of a rank holds, and how they become a batch."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from benchmarks.api.errors import DataError
from benchmarks.api.seeds import seed_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

Sample = dict[str, Any]  # tensors by name, and "prompt"


@lru_cache(maxsize=4)
def order(seed: int, length: int, epoch: int) -> NDArray[np.int64]:
    """Return the order in which an epoch visits its items."""
    rng = np.random.default_rng(seed_for(seed, "order", str(epoch)))
    return rng.permutation(length)


class Numbers(Sampler[list[int]]):
    """The sample numbers of each micro-batch of one rank, from a step on, without end.

    Micro-batch m of step s takes the next batch * ranks numbers, split between the ranks.
    """

    def __init__(self, *, batch: int, rank: int, ranks: int, first: int) -> None:
        self.batch, self.rank, self.ranks, self.first = batch, rank, ranks, first

    def __iter__(self) -> Iterator[list[int]]:
        micro = self.first
        while True:
            start = (micro * self.ranks + self.rank) * self.batch
            yield list(range(start, start + self.batch))
            micro += 1


def batches(data: Dataset[Sample], numbers: Numbers, *, workers: int) -> Iterator[Sample]:
    """Yield collated micro-batches: tensors stacked, prompts as a list."""
    return iter(
        DataLoader(
            data,
            batch_sampler=numbers,
            num_workers=workers,
            collate_fn=_collate,
            persistent_workers=workers > 0,
        )
    )


def _collate(samples: Sequence[Sample]) -> Sample:
    """Return samples as one batch."""
    return {
        key: torch.stack([sample[key] for sample in samples])
        if isinstance(samples[0][key], torch.Tensor)
        else [sample[key] for sample in samples]
        for key in samples[0]
    }


def check_enough(data: Dataset[Sample], batch: int) -> None:
    """Refuse data that does not fill one batch.

    Raises:
        DataError: there are fewer samples than a batch of all processes holds.
    """
    length = len(data)  # type: ignore[arg-type]  # both data sets are sized
    if length < batch:
        raise DataError(
            f"{length} samples do not fill a batch of {batch}.",
            "Give more photographs with --data, or a recipe with a smaller batch.",
        )
