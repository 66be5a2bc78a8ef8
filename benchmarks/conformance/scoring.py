"""Our values of a folder of images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks import registry
from benchmarks.api.errors import ScoreError
from benchmarks.metrics.scoring import ScoreFailure, Scorer

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from benchmarks.conformance.pairing import Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderScores:
    """What we measured on a folder, by metric id."""

    samples: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # metric -> image
    sets: Mapping[str, float] = field(default_factory=dict)


ScoreFolder = Callable[[Sequence["Pair"], Sequence[str]], FolderScores]


def score_pairs(pairs: Sequence[Pair], metrics: Sequence[str]) -> FolderScores:
    """Score images one after the other, in this process.

    Args:
        pairs: SR images and, for the metrics that need them, their references.
        metrics: metric ids.

    Raises:
        WeightsError: weights of one of the metrics are missing; nothing has been computed.
        ScoreError: an image has no score; conformance is of all images or of none.
    """
    specs = registry.metric_specs()
    scorer = Scorer([specs[metric] for metric in metrics])
    scorer.load()
    samples: dict[str, dict[str, float]] = {}
    for one in pairs:
        for (_, metric), outcome in scorer.score_image({"": one.sr}, one.hr).items():
            samples.setdefault(metric, {})[one.image] = _value(outcome, metric, one.image)
    sets = {
        metric: _distance(scorer, metric, pairs)
        for metric in metrics
        if specs[metric].level == "set"
    }
    return FolderScores(samples=samples, sets=sets)


def _value(outcome: float | ScoreFailure, metric: str, image: str) -> float:
    if isinstance(outcome, ScoreFailure):
        raise ScoreError(f"No {metric} of '{image}': {outcome.cause}")
    return outcome


def _distance(scorer: Scorer, metric: str, pairs: Sequence[Pair]) -> float:
    import numpy as np

    def features(paths: Sequence[Path]) -> NDArray[np.float32]:
        found = [(path, scorer.features(metric, path)) for path in paths]
        for path, outcome in found:
            if isinstance(outcome, ScoreFailure):
                raise ScoreError(f"No {metric} features of '{path.name}': {outcome.cause}")
        return np.stack([vector for _, vector in found if not isinstance(vector, ScoreFailure)])

    sr = features([one.sr for one in pairs])
    hr = features([one.hr for one in pairs if one.hr is not None])
    return _value(scorer.distance(metric, sr, hr), metric, "the set")
