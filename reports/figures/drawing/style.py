"""Sizes, fonts, and what all panels have."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.textpath import TextPath

from reports.figures.model import Columns, Page

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.typing import RcKeyType

SIZE = 7.0  # points: the smallest text that a figure may hold in print
TITLE_SIZE = 8.0
DPI = 300  # of PNG
GREY = "#555555"
_HANDLE = 36.0  # points beside each text of a legend

_RC: dict[RcKeyType, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same on every machine
    "font.size": SIZE,
    "axes.titlesize": TITLE_SIZE,
    "axes.labelsize": SIZE,
    "xtick.labelsize": SIZE,
    "ytick.labelsize": SIZE,
    "legend.fontsize": SIZE,
    "figure.titlesize": TITLE_SIZE,
    "figure.labelsize": SIZE,
    "text.parse_math": False,  # a `$` in a name is a dollar
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "axes.titlelocation": "left",
    "axes.titlepad": 4.0,
    "axes.xmargin": 0.06,
    "axes.ymargin": 0.1,
    "grid.linewidth": 0.4,
    "grid.color": "#dddddd",
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.minor.size": 0.0,
    "lines.linewidth": 1.2,
    "lines.markersize": 4.0,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "legend.columnspacing": 1.4,
    "savefig.dpi": DPI,
    "figure.dpi": DPI,
    "pdf.fonttype": 42,  # whole TrueType fonts: Type 3 is refused by many conferences
    "svg.fonttype": "path",  # glyphs as outlines: the same where the font is not installed
    "svg.hashsalt": "mfsr-bench",  # or ids would be random
}


@contextmanager
def styled() -> Iterator[None]:
    """Draw and save in our style, whatever matplotlibrc says, and leave no trace of it."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_RC)
        yield


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    """Panels in rows of like length.

    >>> [Arrangement(count=n, width=6.875).per_row for n in (1, 4, 5, 6, 9)]
    [1, 4, 3, 3, 3]
    """

    count: int  # of panels
    width: float  # inches of the figure
    narrowest: float = 1.6  # inches that a panel needs

    @property
    def per_row(self) -> int:
        """How many panels stand side by side."""
        most = max(1, int(self.width / self.narrowest))
        return math.ceil(self.count / math.ceil(self.count / most))

    @property
    def panel_width(self) -> float:
        """Inches, labels included."""
        return self.width / self.per_row


def width_for(count: int, page: Page) -> float:
    """Return the width in inches of a number of panels: one fits a column."""
    return page.width(Columns.ONE if count == 1 else Columns.TWO)


def panels(arrangement: Arrangement, *, height: float) -> tuple[Figure, list[Axes]]:
    """Return a figure and its panels.

    Args:
        arrangement: how many there are.
        height: inches of each row of panels, labels included.
    """
    rows = math.ceil(arrangement.count / arrangement.per_row)
    layout = ConstrainedLayoutEngine(w_pad=0.03, h_pad=0.03, wspace=0.04, hspace=0.03)
    figure = Figure(figsize=(arrangement.width, rows * height), layout=layout)
    every = list(figure.subplots(rows, arrangement.per_row, squeeze=False).flat)
    for axes in every[arrangement.count :]:
        axes.remove()
    return figure, every[: arrangement.count]


def label_x(every: Sequence[Axes], text: str) -> None:
    """Name the x axis once per column of panels, under the lowest."""
    places = [(axes.get_subplotspec(), axes) for axes in every]
    lowest = {place.colspan.start: axes for place, axes in places if place}
    for axes in lowest.values():
        axes.set_xlabel(text)


def legend_below(figure: Figure, handles: Sequence[Artist], labels: Sequence[str]) -> None:
    """Put one legend under all panels, in as many columns as have room, and make room for it."""
    width = figure.get_figwidth() * 72
    labels = [fit(label, width - _HANDLE) for label in labels]
    widest = max(text_width(label) for label in labels) + _HANDLE
    per_row = max(1, min(len(labels), int(width // widest)))
    rows = math.ceil(len(labels) / per_row)
    figure.set_figheight(figure.get_figheight() + (rows * SIZE * 1.45 + 4) / 72)
    figure.legend(handles, labels, loc="outside lower center", ncols=per_row, borderaxespad=0.2)


@cache
def text_width(text: str, size: float = SIZE) -> float:
    """Return the width of a text in points."""
    if not text.strip():
        return 0.0
    font = FontProperties(family="DejaVu Sans")
    return float(TextPath((0, 0), text, size=size, prop=font, usetex=False).get_extents().width)


def fit(text: str, width: float, size: float = SIZE) -> str:
    """Return a text that is no wider than `width` points: what is too long loses its middle."""
    if text_width(text, size) <= width:
        return text
    for kept in range(len(text) - 1, 1, -1):
        shorter = f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}"
        if text_width(shorter, size) <= width:
            return shorter
    return "…"


def wrap(text: str, width: float, size: float = SIZE) -> list[str]:
    """Return a text as one or two lines of at most `width` points, broken at a space if any fits.

    What is still too long loses its middle.
    """
    if text_width(text, size) <= width:
        return [text]
    words = text.split(" ")
    for kept in range(len(words) - 1, 0, -1):
        head, tail = " ".join(words[:kept]), " ".join(words[kept:])
        if text_width(head, size) <= width:
            return [head, fit(tail, width, size)]
    return [fit(text, width, size)]
