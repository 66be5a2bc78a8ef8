"""Our scores against published ones: the largest difference, and whether it is small enough."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.api.errors import ScoreError, UsageError
from benchmarks.api.images import read_rgb
from benchmarks.metrics.tolerances import TOLERANCES, Tolerance
from benchmarks.options import choose
from benchmarks.results.rows import FailureRow, ScoreRow, SetScoreRow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from benchmarks.conformance.parse import PublishedScores
    from benchmarks.plan import ImageSet, ScorePlan
    from benchmarks.results.store import RunStore

_FLAT = 2.0  # grey levels


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyPlan:
    """Published images, to be scored and compared with published scores."""

    score: ScorePlan
    published: PublishedScores
    left_out: Mapping[str, str]  # metric id -> why it is not compared


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One metric: ours and theirs over the same images."""

    metric: str
    n: int
    ours: float  # mean over the n images, or the set metric's value
    published: float
    difference: float  # absolute, of the image that comes nearest to what is allowed or passes it
    # by most; of the set's value where image=""
    image: str  # where it is
    tolerance: Tolerance
    rounding: float = 0.0  # half a unit of the last place that was published
    flat: bool = False  # whether the reference of that image is nearly of one colour

    @property
    def allowed(self) -> float:
        """How large `difference` may be: never less than what rounding in print may do."""
        if not self.image:
            return self.allowed_mean
        return max(_of_one(self.tolerance, flat=self.flat), self.rounding)

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


def compare(plan: VerifyPlan, store: RunStore) -> Conformance:
    """Compare the scores of a folder with those that were published.

    Args:
        plan: what was scored.
        store: our scores.

    Raises:
        ScoreError: an image has no score: conformance is of all images or of none.
    """
    failures = sorted(store.rows(FailureRow), key=lambda row: not row.image)
    if failures:
        failed = failures[0]  # an image is the cause where a whole set has no value
        raise ScoreError(f"No {failed.metric} of '{failed.image or 'the set'}': {failed.cause}")
    ours: dict[str, dict[str, float]] = {}
    for row in store.rows(ScoreRow):
        ours.setdefault(row.metric, {})[row.image] = row.value
    sets = {row.metric: row.value for row in store.rows(SetScoreRow)}
    images = plan.score.images.images()
    published = plan.published
    return Conformance(
        title=published.title,
        n=len(images),
        n_published=len(published.images),
        verdicts=tuple(
            _of_set(spec.id, len(images), sets[spec.id], published)
            if spec.id in published.sets
            else _of_images(spec.id, ours[spec.id], published, plan.score.images)
            for spec in plan.score.images.specs
        ),
        left_out=plan.left_out,
        notes=plan.score.notes,
    )


def choose_metrics(names: Sequence[str] | None, published: PublishedScores) -> tuple[str, ...]:
    """Return the metric ids to compare: those of `names`, or all that were published.

    Raises:
        UsageError: a metric that was not published, or has no known tolerance.
    """
    known = {metric: [metric.partition("@")[0]] for metric in (*published.samples, *published.sets)}
    what = f"metric of {published.title}"
    chosen = choose(names or (), known, what=what, see="mfsr-bench list metrics") or tuple(known)
    for metric in chosen:
        if metric not in TOLERANCES:
            raise UsageError(
                f"No tolerance is known for {metric}, so agreement cannot be judged.",
                f"Choose: --metrics {','.join(m for m in known if m in TOLERANCES) or 'others'}",
            )
    return chosen


def _of_set(metric: str, n: int, ours: float, published: PublishedScores) -> Verdict:
    theirs = published.sets[metric]
    return Verdict(
        metric=metric,
        n=n,
        ours=ours,
        published=theirs,
        difference=abs(ours - theirs),
        image="",
        tolerance=TOLERANCES[metric],
        rounding=published.rounding.get(metric, 0.0),
    )


def _of_images(
    metric: str, ours: Mapping[str, float], published: PublishedScores, scored: ImageSet
) -> Verdict:
    theirs, tolerance = published.samples[metric], TOLERANCES[metric]
    images, hrs = list(scored.images()), scored.hrs if tolerance.flat else {}
    flat = {image for image, hr in hrs.items() if _is_flat(read_rgb(hr))}
    differences = {image: abs(ours[image] - theirs[image]) for image in images}

    def excess(image: str) -> float:
        return _order(differences[image]) / _of_one(tolerance, flat=image in flat)

    worst = max(images, key=excess)
    return Verdict(
        metric=metric,
        n=len(images),
        ours=math.fsum(ours[image] for image in images) / len(images),
        published=math.fsum(theirs[image] for image in images) / len(images),
        difference=differences[worst],
        image=worst,
        tolerance=tolerance,
        rounding=published.rounding.get(metric, 0.0),
        flat=worst in flat,
    )


def _is_flat(image: NDArray[np.uint8]) -> bool:
    """Whether an image (h, w, 3) is nearly of one colour: two grey levels of deviation at most."""
    return bool((image.std(axis=(0, 1)) <= _FLAT).all())


def _of_one(tolerance: Tolerance, *, flat: bool) -> float:
    """Return what one image's score may be off by."""
    assert tolerance.image is not None
    return max(tolerance.image, tolerance.flat if flat else 0.0)


def _order(difference: float) -> float:
    return math.inf if math.isnan(difference) else difference
