"""What one table is about, and what is known of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from reports.statistics.model import Uncertainty

if TYPE_CHECKING:
    from reports.aggregate import Estimate, Key
    from reports.comparison import Comparison
    from reports.identity import Dataset, Metric
    from reports.published.printed import PrintedTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a report shows besides the rows of the runs."""

    published: bool = False
    rank_published: bool = False
    delta: bool = False
    intervals: Literal["", "ci", "pm"] = ""  # none, [low, high], or ± half the width
    tied: bool = False  # mark what is not distinguishable from the best
    by_steps: bool = False  # in sections: without sampling, several steps, one step
    cite: bool = False  # name the papers of the methods, for LaTeX to cite
    published_titles: Collection[str] | None = None  # of the published rows to show; None: all
    sources: Collection[str] | None = None  # of published values; None: all
    known_as: Mapping[str, str] = field(default_factory=dict)  # data set -> the known one
    printed: PrintedTable | None = None  # whose rows, groups and columns are taken over


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The data sets and metrics of one table, of all that a comparison holds."""

    comparison: Comparison
    layout: Layout
    found: Mapping[Key, Estimate]
    datasets: Sequence[Dataset]
    metrics: Sequence[Metric]
    uncertainty: Uncertainty = field(default_factory=Uncertainty)

    def methods_on(self, dataset: Dataset) -> list[str]:
        """Return the methods that were run on a data set, whether or not they succeeded."""
        known = self.comparison
        seen: set[str] = set()
        for rows in (known.scores, known.set_scores, known.failures):
            seen.update(rows.loc[rows["dataset"] == dataset.id, "method"])
        return [key for key in known.methods if key in seen]

    def has_values(self, metric: Metric) -> bool:
        """Whether any method has a value of `metric` in this table."""
        return any(
            (dataset.id, metric.id, method) in self.found
            for dataset in self.datasets
            for method in self.comparison.methods
        )

    def tried(self, metric: Metric) -> bool:
        """Whether any method was scored with `metric` in this table, successfully or not."""
        rows = self.comparison.failures
        on = [dataset.id for dataset in self.datasets]
        failed = rows["dataset"].isin(on) & (rows["metric"] == metric.id)
        return self.has_values(metric) or bool(failed.any())

    def n_tried(self, dataset: Dataset) -> int:
        """Return how many images of a data set any method was run on, failures included."""
        known = self.comparison
        images: set[str] = set()
        for rows in (known.scores, known.failures):
            images.update(rows.loc[rows["dataset"] == dataset.id, "image"])
        images.discard("")
        counts = (self.n_of_sets(dataset, metric) for metric in self.metrics)
        return len(images) or max(counts, default=0)

    def n_of_sets(self, dataset: Dataset, metric: Metric) -> int:
        """Return the largest number of images that a set metric was computed from; 0 for none."""
        counts = (
            estimate.n
            for (on, of, _), estimate in self.found.items()
            if (on, of) == (dataset.id, metric.id)
        )
        return max(counts, default=0)

    def n_of_samples(self, dataset: Dataset) -> dict[str, int]:
        """Return the number of images behind the means of each sample metric on a data set."""
        metrics = self.comparison.metrics
        return {
            metric: estimate.n
            for (on, metric, _), estimate in self.found.items()
            if on == dataset.id and metrics[metric].level == "sample"
        }
