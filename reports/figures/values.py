"""The values that figures draw, and what there is to say about those that are not there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from reports.aggregate import Estimate, estimates

if TYPE_CHECKING:
    from reports.comparison import Comparison
    from reports.identity import Dataset, Metric


class Values:
    """The cells of a comparison, as its tables have them: means over the images all methods share.

    Args:
        comparison: what is compared.
    """

    def __init__(self, comparison: Comparison) -> None:
        self.comparison = comparison
        self._of: dict[tuple[str, str], dict[str, Estimate]] = {}
        for (dataset, metric, method), one in estimates(comparison).items():
            self._of.setdefault((dataset, metric), {})[method] = one

    def of(self, dataset: Dataset, metric: Metric) -> dict[str, float]:
        """Return method -> value."""
        return {method: one.value for method, one in self._cells(dataset, metric).items()}

    def counts(self, dataset: Dataset, metric: Metric) -> set[int]:
        """Return the numbers of images that the values stand on: one of them, or none at all.

        Only a set metric can have several.
        """
        return {one.n for one in self._cells(dataset, metric).values()}

    def metrics(self) -> tuple[Metric, ...]:
        """Return the metrics with a value anywhere."""
        known = {metric for _, metric in self._of}
        return tuple(one for one in self.comparison.metrics.values() if one.id in known)

    def notes(self, dataset: Dataset, metric: Metric) -> tuple[str, ...]:
        """Return what is missing of one metric on one data set, and why; nothing if all is there.

        Methods that were not run on the data set are not missing.
        """
        where = f"{dataset.title}, {metric.title}"
        cells = self._cells(dataset, metric)
        if not cells:
            return (f"{where}: {self._why_absent(dataset, metric)}",)
        notes = []
        if (n := min(one.n for one in cells.values())) < dataset.n:
            notes.append(
                f"{where}: n = {n} of {dataset.n}; an image that one of the methods lacks is left "
                "out for all."
            )
        run = {
            method for (on, _), every in self._of.items() if on == dataset.id for method in every
        }
        lacking = [
            one.title for key, one in self.comparison.methods.items() if key in run - set(cells)
        ]
        if lacking:
            notes.append(f"{where}: no value of {', '.join(lacking)}.")
        return tuple(notes)

    def _cells(self, dataset: Dataset, metric: Metric) -> dict[str, Estimate]:
        return self._of.get((dataset.id, metric.id), {})

    def _why_absent(self, dataset: Dataset, metric: Metric) -> str:
        if metric.needs_reference and not dataset.has_reference:
            return "the data set has no HR images to compare with."
        if why := self.comparison.why_skipped(metric.id):
            return f"not computed: {why}"
        return "no value on images that all methods have."


def headline(dataset: Dataset, counts: Iterable[int]) -> str:
    """Return the title of a figure: its data set, and n where that is one number."""
    numbers = set(counts)
    return f"{dataset.title} (n = {numbers.pop()})" if len(numbers) == 1 else dataset.title


def of_means(comparison: Comparison, dataset: Dataset, counts: Iterable[int]) -> str:
    """Return the sentence of a caption that says what the values are."""
    numbers = sorted(set(counts))
    n = f"{numbers[0]}" if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
    return f"Means over n = {n} images of {dataset.title}, protocol {comparison.protocol.label}."
