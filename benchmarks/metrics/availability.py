"""Which metrics can run here, before anything is computed, and what the others lack."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import requirements
from benchmarks.api.errors import WeightsMissingError

if TYPE_CHECKING:
    from benchmarks.api.metric import MetricSpec
    from benchmarks.api.weights import WeightStatus, WeightStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """The answer for a list of metrics."""

    ready: tuple[MetricSpec, ...]
    lacking: dict[str, tuple[str, ...]]  # metric id -> names of its files that are not here
    files: tuple[WeightStatus, ...]  # every file, once: name, source, size, place, hash, state

    def require(self) -> None:
        """Raise if a metric lacks a file.

        Raises:
            WeightsMissingError: the metrics that cannot run, and what to fetch.
        """
        if not self.lacking:
            return
        metrics = ", ".join(self.lacking)
        files = dict.fromkeys(name for names in self.lacking.values() for name in names)
        raise WeightsMissingError(
            f"Cannot compute {metrics}: {', '.join(files)} missing or damaged.",
            f"Run: mfsr-bench weights fetch {','.join(self.lacking)}",
        )


def availability(
    specs: Sequence[MetricSpec],
    store: WeightStore,
    *,
    sha256: Callable[[Path], str] | None = None,
) -> Availability:
    """Return which of `specs` can run; with `sha256`, files are read and checked too."""
    needs = requirements.of_metrics(specs)
    files = tuple(need.status(store, sha256=sha256) for need in needs)
    lacking: dict[str, list[str]] = {}
    for need, status in zip(needs, files, strict=True):
        if status.state != "present":
            for metric in need.needed_by:
                lacking.setdefault(metric, []).append(need.weight.name)
    return Availability(
        ready=tuple(spec for spec in specs if spec.id not in lacking),
        lacking={spec.id: tuple(lacking[spec.id]) for spec in specs if spec.id in lacking},
        files=files,
    )
