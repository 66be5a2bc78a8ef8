"""Our values of a folder of images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks import registry
from benchmarks.api.errors import ScoreError
from benchmarks.api.weights import WeightStore
from benchmarks.engine.folder import resources_for, score_folder
from benchmarks.results.cache import ScoreCache
from benchmarks.results.rows import FailureRow, ScoreRow, SetScoreRow

if TYPE_CHECKING:
    from benchmarks.engine.events import Event
    from benchmarks.pairing import Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderScores:
    """What we measured on a folder, by metric id."""

    samples: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # metric -> image
    sets: Mapping[str, float] = field(default_factory=dict)


ScoreFolder = Callable[[Sequence["Pair"], Sequence[str]], FolderScores]


def score_pairs(
    pairs: Sequence[Pair],
    metrics: Sequence[str],
    *,
    workers: int = 0,
    devices: tuple[str, ...] = ("cpu",),
    show: Callable[[Event], None] = lambda _: None,
) -> FolderScores:
    """Score images as `mfsr-bench score` does; what was scored before is not computed again.

    Args:
        pairs: SR images and, for the metrics that need them, their references.
        metrics: metric ids.
        workers: processes for light metrics; 0 computes everything in this process.
        devices: for deep metrics.
        show: told what happens, as it happens.

    Raises:
        WeightsError: weights of one of the metrics are missing; nothing has been computed.
        ScoreError: an image has no score; conformance is of all images or of none.
    """
    specs = registry.metric_specs()
    resources = resources_for(
        [specs[metric] for metric in metrics],
        ScoreCache(),
        WeightStore(),
        devices=devices,
        workers=workers,
    )
    for event in score_folder(pairs, resources):
        show(event)
    failures = sorted(resources.store.rows(FailureRow), key=lambda row: not row.image)
    if failures:
        failed = failures[0]  # an image is the cause where a whole set has no value
        raise ScoreError(f"No {failed.metric} of '{failed.image or 'the set'}': {failed.cause}")
    samples: dict[str, dict[str, float]] = {}
    for row in resources.store.rows(ScoreRow):
        samples.setdefault(row.metric, {})[row.image] = row.value
    sets = {row.metric: row.value for row in resources.store.rows(SetScoreRow)}
    return FolderScores(samples=samples, sets=sets)
