"""What the statistics of a table start from and end with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from reports.aggregate import Key

LEVEL = 0.95  # of intervals
ALPHA = 0.05  # of the tests of a whole table


@dataclass(frozen=True, slots=True, kw_only=True)
class PerImage:
    """Values of one metric on one data set; their means over images are the cells of the table."""

    dataset: str
    metric: str
    methods: tuple[str, ...]
    images: tuple[str, ...]
    values: NDArray[np.float64]  # (images, methods)

    @property
    def n(self) -> int:
        """The number of images."""
        return len(self.images)

    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Return all pairs of methods, as columns of `values`."""
        return tuple(combinations(range(len(self.methods)), 2))

    def differences(self) -> NDArray[np.float64]:
        """Return first minus second of every pair, per image: (images, pairs)."""
        pairs = self.pairs()
        first, second = ([pair[side] for pair in pairs] for side in (0, 1))
        return self.values[:, first] - self.values[:, second]


@dataclass(frozen=True, slots=True, kw_only=True)
class PerImages:
    """All columns of a comparison per image, and why others are not among them."""

    columns: tuple[PerImage, ...] = ()
    lacking: Mapping[tuple[str, str], str] = field(default_factory=dict)  # by (data set, metric)


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertainty:
    """What is known of the cells of one table beside their values."""

    intervals: Mapping[Key, tuple[float, float]] = field(default_factory=dict)  # of the means
    # Whether a cell differs from the best of its column, Holm over the table; 1 for the best.
    p_values: Mapping[Key, float] = field(default_factory=dict)
    tests: int = 0  # pairs that were compared
    # (data set, metric) -> why there are no intervals or no tests
    lacking: Mapping[tuple[str, str], str] = field(default_factory=dict)
