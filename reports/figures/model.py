"""What all figures share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

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
    """How wide a figure is, in columns of a two-column paper."""

    ONE = "1"
    TWO = "2"


WIDTHS = {Columns.ONE: 3.3, Columns.TWO: 6.875}  # inches; the second is \textwidth of CVPR
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


def headline(dataset: Dataset, counts: Iterable[int]) -> str:
    """Return the title of a figure: its data set, and n where that is one number."""
    numbers = set(counts)
    return f"{dataset.title} (n = {numbers.pop()})" if len(numbers) == 1 else dataset.title


def of_means(comparison: Comparison, dataset: Dataset, counts: Iterable[int]) -> str:
    """Return the sentence of a caption that says what the values are."""
    numbers = sorted(set(counts))
    n = f"{numbers[0]}" if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
    return f"Means over n = {n} images of {dataset.title}, protocol {comparison.protocol.label}."


def about_n(dataset: Dataset, metric: Metric, n: int) -> tuple[str, ...]:
    """Return the note on a mean that does not stand on all images of its data set."""
    if n >= dataset.n:
        return ()
    return (
        f"{dataset.title}, {metric.title}: n = {n} of {dataset.n}; an image that one of the "
        "methods lacks is left out for all.",
    )


def about_absence(comparison: Comparison, dataset: Dataset, metric: Metric) -> str:
    """Return why a metric has no value on a data set."""
    where = f"{dataset.title}, {metric.title}"
    if metric.needs_reference and not dataset.has_reference:
        return f"{where}: the data set has no HR images to compare with."
    if why := comparison.why_skipped(metric.id):
        return f"{where}: not computed: {why}"
    return f"{where}: no values that all methods share."
