"""Violins, boxes and points, one row per method."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from reports.figures.drawing.style import Arrangement, fit, panels, width_for
from reports.figures.model import arrow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from reports.figures.distributions import Distributions, Panel, Spread
    from reports.figures.model import Page

_ROW = 0.26  # inches per method
_AROUND = 0.5  # inches per row of panels, for titles and tick labels
_LABELS = 0.45  # of the width of a panel: the most that names may take
_FEWEST = 10  # images; a density of fewer is an invention
_RASTER_FROM = 500  # points; more make vector files heavy
_GOLDEN = 0.618034  # of the golden ratio: k times it, modulo 1, is even for every n


def draw(data: Distributions, page: Page) -> Figure:
    """Return the figure of one data set; its width follows the number of panels by default."""
    count = len(data.panels)
    arrangement = Arrangement(count=count, width=width_for(count, page), narrowest=2.2)
    titles = list(dict.fromkeys(one.title for panel in data.panels for one in panel.spreads))
    figure, every = panels(arrangement, height=len(titles) * _ROW + _AROUND)
    labels = [fit(title, arrangement.panel_width * 72 * _LABELS) for title in titles]
    for index, (axes, panel) in enumerate(zip(every, data.panels, strict=True)):
        _draw(axes, panel, titles)
        axes.set_yticks(range(len(titles)), labels if index % arrangement.per_row == 0 else [])
    figure.suptitle(data.about.title)
    return figure


def _draw(axes: Axes, panel: Panel, titles: list[str]) -> None:
    for spread in panel.spreads:
        _draw_row(axes, spread, titles.index(spread.title))
    axes.set_ylim(len(titles) - 0.4, -0.6)  # the first on top
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_title(arrow(panel.metric))


def _draw_row(axes: Axes, spread: Spread, row: int) -> None:
    """Draw the density above the line of a row, the values below it, and the box on it."""
    colour = spread.look.colour
    n = len(spread.values)
    if n >= _FEWEST and np.ptp(spread.values) > 0:
        places, heights = _density(spread.values)
        axes.fill_between(places, row, row - 0.4 * heights, color=colour, alpha=0.45, linewidth=0)
    axes.scatter(
        spread.values, row + _below(n), s=2.5, color=colour, linewidths=0, alpha=0.7,
        rasterized=n > _RASTER_FROM,
    )  # fmt: skip
    low, middle, high = spread.quartiles
    axes.plot(spread.whiskers, (row, row), color="black", linewidth=0.7)
    axes.plot((low, high), (row, row), color="black", linewidth=3.0, solid_capstyle="butt")
    axes.plot((middle, middle), (row - 0.16, row + 0.16), color="black", linewidth=1.0)
    axes.plot(
        spread.mean, row, marker=spread.look.marker, color=colour, markeredgecolor="white",
        markeredgewidth=0.6, markersize=4.5,
    )  # fmt: skip


def _density(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return places from the smallest to the largest value, and the density there, at most 1."""
    from scipy.stats import gaussian_kde

    places = np.linspace(values.min(), values.max(), 200)
    heights = gaussian_kde(values)(places)
    return places, heights / heights.max()


def _below(n: int) -> NDArray[np.float64]:
    """Return offsets that keep neighbours apart, the same every time."""
    return np.asarray(0.12 + 0.26 * (np.arange(n) * _GOLDEN % 1), dtype=np.float64)
