"""Set metrics (FID): one value per method and data set, from features of single images.

Methods are compared on the same images: those for which every method has a result. Features are
kept by image content, so that a further method costs its own images alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.console import foreign_output
from benchmarks.engine.events import Advanced, Event, ItemFailed, StageBegan
from benchmarks.engine.score import STAGE, compute, unless_died
from benchmarks.metrics.scoring import FeatureTask, ScoreFailure, Scorer
from benchmarks.results.rows import FailureRow, SetScoreRow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from benchmarks.api.metric import MetricSpec
    from benchmarks.engine.score import Ledger
    from benchmarks.plan import ImageSet, Scoring


def score_sets(
    sets: Sequence[ImageSet], scoring: Scoring, ledger: Ledger, *, whole: bool = True
) -> Iterator[Event]:
    """Score all sets with their set metrics; what is yielded is in the store.

    Args:
        sets: what methods made of data sets.
        scoring: the metrics.
        ledger: what is known already.
        whole: whether the sets are whole; of parts only the features are computed, and kept.

    Raises:
        MFSRBenchError: no image can be scored on this machine (weights, disk).
    """
    work = [(one, spec) for one in sets for spec in one.specs if spec.level == "set"]
    if not work:
        return
    yield StageBegan("score sets", sum(len(one.srs) for one, _ in work), 0)
    for one, spec in work:
        score = _score_set if whole else _compute_features
        for row in score(one, spec, scoring, ledger):
            ledger.store.write([row])
            if isinstance(row, FailureRow):
                yield ItemFailed(row)
            else:
                yield Advanced(f"{row.metric} {row.method} {row.dataset}")


def _score_set(
    images: ImageSet, spec: MetricSpec, scoring: Scoring, ledger: Ledger
) -> Iterator[SetScoreRow | FailureRow]:
    yield from _compute_features(images, spec, scoring, ledger)
    have = {method: srs for method, srs in images.srs.items() if srs}
    common = sorted(
        image
        for image, hr in images.hrs.items()
        if all(_known(srs.get(image), spec, ledger) for srs in have.values())
        and _known(hr, spec, ledger)
    )
    hrs = [images.hrs[image] for image in common]
    for method, srs in have.items():
        key = {"dataset": images.dataset, "method": method, "metric": spec.id}
        outcome = _distance(spec, [srs[image] for image in common], hrs, scoring, ledger)
        if isinstance(outcome, ScoreFailure):
            yield _failure(key, "", outcome)
        else:
            yield SetScoreRow(**key, n=len(common), value=outcome)


def _compute_features(
    images: ImageSet, spec: MetricSpec, scoring: Scoring, ledger: Ledger
) -> Iterator[FailureRow]:
    owners = {path: ("", image) for image, path in images.hrs.items()}
    for method, srs in images.srs.items():
        owners.update({path: (method, image) for image, path in srs.items()})
    tasks = (
        FeatureTask(metric=spec.id, path=path) for path in owners if not _known(path, spec, ledger)
    )
    for task, answer in compute(tasks, [spec], scoring):
        features = unless_died(answer)
        if isinstance(features, ScoreFailure):
            method, image = owners[task.path]
            key = {"dataset": images.dataset, "method": method, "metric": spec.id}
            yield _failure(key, image, features)
        else:
            version = ledger.versions[spec.id]
            ledger.cache.add_features(ledger.sha256(task.path), spec.id, version, features)


def _failure(key: dict[str, str], image: str, failure: ScoreFailure) -> FailureRow:
    return FailureRow(**key, image=image, stage=STAGE, error=failure.error, cause=failure.cause)


def _known(path: Path | None, spec: MetricSpec, ledger: Ledger) -> bool:
    return path is not None and _features(path, spec, ledger) is not None


def _features(path: Path, spec: MetricSpec, ledger: Ledger) -> NDArray[np.float32] | None:
    return ledger.cache.features(ledger.sha256(path), spec.id, ledger.versions[spec.id])


def _distance(
    spec: MetricSpec, srs: list[Path], hrs: list[Path], scoring: Scoring, ledger: Ledger
) -> float | ScoreFailure:
    import numpy as np

    if not srs:
        return ScoreFailure("DataError", "no image has a result of every method and a reference")

    def stacked(paths: list[Path]) -> NDArray[np.float32]:
        found = (_features(path, spec, ledger) for path in paths)
        return np.stack([vector for vector in found if vector is not None])

    key = (_digest(srs, ledger), _digest(hrs, ledger), spec.id, ledger.versions[spec.id])
    value = ledger.cache.score(key)
    if value is not None:
        return value
    with foreign_output():
        device = "cpu" if scoring.cluster else scoring.devices[0]
        scorer = Scorer([spec], store=scoring.weights, device=device)
        outcome = scorer.distance(spec.id, stacked(srs), stacked(hrs))
    if isinstance(outcome, float):
        ledger.cache.add_scores([(key, outcome)])
    return outcome


def _digest(paths: list[Path], ledger: Ledger) -> str:
    """Return what identifies a set of images: a hash over their hashes, in order."""
    return hashlib.sha256("\n".join(map(ledger.sha256, paths)).encode()).hexdigest()
