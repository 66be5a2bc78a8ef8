"""What all figures share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reports.identity import Metric


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
