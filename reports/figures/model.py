"""What all figures share: widths, what is said of one, and the values that are drawn."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from reports.aggregate import Estimate, estimates

if TYPE_CHECKING:
    from reports.comparison import Comparison
    from reports.identity import Dataset, Metric


class Format(StrEnum):
    """The files that a figure can be written as."""

    PNG = "png"
    PDF = "pdf"
    SVG = "svg"
    TEX = "tex"  # the LaTeX that puts the PDF into a paper, with a caption


class Columns(StrEnum):
    """How wide a figure is, in columns of a paper."""

    ONE = "1"
    TWO = "2"


class Paper(StrEnum):
    """Whose style a figure is to fit."""

    AAAI = "aaai"
    ACM = "acm"
    CVPR = "cvpr"  # and ICCV, WACV
    ECCV = "eccv"
    ICLR = "iclr"
    ICML = "icml"
    IEEE = "ieee"  # TPAMI, TIP
    NEURIPS = "neurips"


# Inches of a column and of the whole text, from the style files; equal where there is one column.
_WIDTHS = {
    Paper.AAAI: (3.31, 7.0),
    Paper.ACM: (3.33, 7.0),
    Paper.CVPR: (3.28, 6.875),
    Paper.ECCV: (4.8, 4.8),
    Paper.ICLR: (5.5, 5.5),
    Paper.ICML: (3.25, 6.75),
    Paper.IEEE: (3.48, 7.14),
    Paper.NEURIPS: (5.5, 5.5),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a figure has to fit."""

    paper: Paper = Paper.CVPR
    columns: Columns | None = None  # None: what suits the figure

    def width(self, suits: Columns) -> float:
        """Return the width in inches of a figure that suits a number of columns."""
        column, text = _WIDTHS[self.paper]
        return column if (self.columns or suits) is Columns.ONE else text

    def spans(self, width: float) -> bool:
        """Whether a figure is as wide as two columns."""
        return width > _WIDTHS[self.paper][0]


ALL_FORMATS = (Format.PNG, Format.PDF, Format.SVG)


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What is said of one figure beside what it draws."""

    name: str  # of its files, without suffix
    title: str  # the data set, and how many images
    caption: str
    notes: tuple[str, ...] = ()  # what is not in it, and why


def arrow(metric: Metric) -> str:
    """Return a metric's title with an arrow to where better values lie."""
    return f"{metric.title} {'↑' if metric.higher_is_better else '↓'}"


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
