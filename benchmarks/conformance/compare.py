"""Our scores against published ones: the largest difference, and whether it is small enough."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import registry
from benchmarks.api.errors import DataError, UsageError
from benchmarks.metrics.tolerances import TOLERANCES, Tolerance
from benchmarks.pairing import Pair, pair

if TYPE_CHECKING:
    from benchmarks.conformance.parse import PublishedScores
    from benchmarks.conformance.scoring import FolderScores, ScoreFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One metric: ours and theirs over the same images."""

    metric: str
    n: int
    ours: float  # mean over the n images, or the set metric's value
    published: float
    difference: float  # largest absolute difference of one image; of the set value where image=""
    image: str  # where it is
    tolerance: Tolerance
    rounding: float = 0.0  # half a unit of the last place that was published

    @property
    def allowed(self) -> float:
        """How large `difference` may be: never less than what rounding in print may do."""
        per_image = self.tolerance.image if self.image else self.tolerance.mean
        assert per_image is not None
        return max(per_image, self.rounding)

    @property
    def allowed_mean(self) -> float:
        """How far the set's value may be off: rounding moves a mean no further than a value."""
        return max(self.tolerance.mean, self.rounding)

    @property
    def mean_agrees(self) -> bool:
        """Whether the set's value lies within its tolerance. NaN compares false, so never does."""
        return abs(self.ours - self.published) <= self.allowed_mean

    @property
    def agrees(self) -> bool:
        """Whether every image and the set's value lie within their tolerances."""
        return self.difference <= self.allowed and self.mean_agrees

    def as_json(self) -> dict[str, Any]:
        """Return the verdict as plain data; what is not finite becomes null."""
        facts = asdict(self) | {"allowed": self.allowed, "agrees": self.agrees}
        return {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in facts.items()
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Conformance:
    """What `verify` found."""

    title: str
    n: int  # images compared
    n_published: int  # images that have published scores
    verdicts: tuple[Verdict, ...]
    left_out: Mapping[str, str]  # metric -> why it was not compared
    notes: tuple[str, ...] = ()  # what the folders hold that is not used

    @property
    def agrees(self) -> bool:
        """Whether all metrics agree."""
        return all(verdict.agrees for verdict in self.verdicts)

    def as_json(self) -> dict[str, Any]:
        """Return the finding as plain data."""
        return {
            "published": self.title,
            "n": self.n,
            "n_published": self.n_published,
            "agrees": self.agrees,
            "metrics": [verdict.as_json() for verdict in self.verdicts],
            "left_out": dict(self.left_out),
            "notes": list(self.notes),
        }


def verify(
    sr: Path,
    hr: Path | None,
    published: PublishedScores,
    *,
    score: ScoreFolder,
    metrics: Sequence[str] | None = None,
    subset: bool = False,
) -> Conformance:
    """Score a folder of published images and compare with the published scores.

    Args:
        sr: folder of the images that were published.
        hr: folder of their references; None if no metric needs them.
        published: what their authors measured.
        score: computes our scores.
        metrics: metric ids; None for all that were published.
        subset: compare the images that are there. Means are then over these images on both
            sides, and set metrics, which have no value of a subset, are left out.

    Raises:
        UsageError: a metric that was not published, or has no known tolerance; no reference folder.
        DataError: the folder does not hold the published images.
    """
    chosen = _choose(metrics, published)
    paired = pair(sr, hr, published.images, subset=subset)
    pairs = paired.pairs
    left_out: dict[str, str] = {}
    if len(pairs) < len(published.images):
        reason = f"its published value is of all {len(published.images)} images"
        left_out = {metric: reason for metric in chosen if metric in published.sets}
    chosen = [metric for metric in chosen if metric not in left_out]
    _check_references(chosen, hr)
    ours = score(pairs, chosen)
    return Conformance(
        title=published.title,
        n=len(pairs),
        n_published=len(published.images),
        verdicts=tuple(_judge(metric, pairs, ours, published) for metric in chosen),
        left_out=left_out,
        notes=paired.notes,
    )


def _choose(metrics: Sequence[str] | None, published: PublishedScores) -> list[str]:
    known = [*published.samples, *published.sets]
    chosen = known if metrics is None else list(metrics)
    for metric in chosen:
        if metric not in known:
            raise UsageError(f"{published.title} has no {metric}; it has {', '.join(known)}.")
        if metric not in TOLERANCES:
            raise UsageError(
                f"No tolerance is known for {metric}, so agreement cannot be judged.",
                f"Choose: --metrics {','.join(m for m in known if m in TOLERANCES) or 'others'}",
            )
    return chosen


def _check_references(metrics: Sequence[str], hr: Path | None) -> None:
    specs = registry.metric_specs()
    for metric in metrics:
        if metric not in specs:
            raise registry.unknown("metric", metric, specs, see="mfsr-bench list metrics")
    needing = [metric for metric in metrics if specs[metric].needs_reference]
    if needing and hr is None:
        raise UsageError(
            f"{', '.join(needing)} need references.", "Give --hr DIR, or choose with --metrics."
        )


def _judge(
    metric: str, pairs: Sequence[Pair], ours: FolderScores, published: PublishedScores
) -> Verdict:
    tolerance = TOLERANCES[metric]
    if metric in published.sets:
        a, b = ours.sets[metric], published.sets[metric]
        return Verdict(
            metric=metric,
            n=len(pairs),
            ours=a,
            published=b,
            difference=abs(a - b),
            image="",
            tolerance=tolerance,
            rounding=published.rounding.get(metric, 0.0),
        )
    images = [one.image for one in pairs]
    mine, theirs = ours.samples.get(metric, {}), published.samples[metric]
    lacking = [image for image in images if image not in mine]
    if lacking:
        raise DataError(f"{metric} could not be computed for {len(lacking)} images: {lacking[0]}.")
    differences = {image: abs(mine[image] - theirs[image]) for image in images}
    worst = max(images, key=lambda image: _order(differences[image]))
    return Verdict(
        metric=metric,
        n=len(images),
        ours=math.fsum(mine[image] for image in images) / len(images),
        published=math.fsum(theirs[image] for image in images) / len(images),
        difference=differences[worst],
        image=worst,
        tolerance=tolerance,
        rounding=published.rounding.get(metric, 0.0),
    )


def _order(difference: float) -> float:
    return math.inf if math.isnan(difference) else difference
