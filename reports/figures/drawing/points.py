"""Methods as points: the scatter and the latency plot."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from reports.figures.drawing.style import GREY, Arrangement, legend_below, panels, width_for

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from reports.figures.model import Page
    from reports.figures.points import Cloud, Plane, Planes

_THREE_A_DECADE = 60.0  # times the lowest value: on a wider axis, decades alone are named
_CROWDED = 0.08  # of the panel: numbers that are closer together overlap
_TALLEST = 2.4  # inches of a panel
_CORNERS = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0))
_BETTER = {(True, True): "↗", (True, False): "↘", (False, True): "↖", (False, False): "↙"}


def draw(data: Planes, page: Page) -> Figure:
    """Return the figure of one data set; its width follows the number of panels by default."""
    count = len(data.planes)
    arrangement = Arrangement(count=count, width=width_for(count, page))
    shape = 0.72 if count == 1 else 0.95
    figure, every = panels(arrangement, height=min(_TALLEST, shape * arrangement.panel_width))
    for axes, plane in zip(every, data.planes, strict=True):
        _draw(axes, plane)
    figure.suptitle(data.about.title)
    handles = {cloud.title: _handle(cloud) for plane in data.planes for cloud in plane.clouds}
    legend_below(figure, list(handles.values()), list(handles))
    return figure


def _draw(axes: Axes, plane: Plane) -> None:
    axes.margins(0.14)
    if plane.x.is_logarithmic:
        axes.set_xscale("log")
    if plane.front:
        _draw_front(axes, plane)
    for cloud in plane.clouds:
        x, y = [point.x for point in cloud.points], [point.y for point in cloud.points]
        axes.plot(
            x, y, color=cloud.look.colour, marker=cloud.look.marker, linewidth=0.8,
            markeredgecolor="black", markeredgewidth=0.4,
        )  # fmt: skip
    axes.set_xlabel(plane.x.title)
    axes.set_ylabel(plane.y.title)
    if not plane.x.is_logarithmic:
        axes.xaxis.set_major_locator(MaxNLocator(4))
    else:
        _label_decades(axes)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    _say_better(axes, plane)
    for cloud in plane.clouds:
        _say_steps(axes, cloud)


def _draw_front(axes: Axes, plane: Plane) -> None:
    """Join the front by steps: between two of its methods nothing is better than the slower."""
    x, y = [point.x for point in plane.front], [point.y for point in plane.front]
    axes.step(x, y, where="post", color="#aaaaaa", linewidth=3.0, zorder=1, solid_capstyle="round")
    axes.plot(x, y, linestyle="", marker="o", markersize=9.0, color="#cccccc", zorder=1)


def _label_decades(axes: Axes) -> None:
    low, high = axes.get_xlim()
    subs = (1.0, 2.0, 5.0) if high < _THREE_A_DECADE * low else (1.0,)
    axes.xaxis.set_major_locator(LogLocator(subs=subs))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())


def _say_steps(axes: Axes, cloud: Cloud) -> None:
    """Write the numbers of steps beside the points, on the side where the line is not."""
    if len(cloud.points) == 1:
        return
    to_axes = axes.transData + axes.transAxes.inverted()
    first, last = (to_axes.transform((one.x, one.y)) for one in (cloud.points[0], cloud.points[-1]))
    rises = (last[0] - first[0]) * (last[1] - first[1]) > 0
    said: list[Any] = []
    for point in (cloud.points[0], cloud.points[-1], *cloud.points[1:-1]):
        place = to_axes.transform((point.x, point.y))
        if min((math.dist(place, one) for one in said), default=1.0) > _CROWDED:
            said.append(place)
            axes.annotate(
                point.label or str(point.steps), (point.x, point.y), (3, -3 if rises else 3),
                textcoords="offset points", ha="left", va="top" if rises else "bottom",
            )  # fmt: skip


def _say_better(axes: Axes, plane: Plane) -> None:
    """Say in the emptiest corner where better methods lie."""
    to_axes = axes.transData + axes.transAxes.inverted()
    axes.autoscale_view()
    places = [to_axes.transform((point.x, point.y)) for point in plane.points]
    corner = max(_CORNERS, key=lambda one: min(math.dist(one, place) for place in places))
    word = f"better {_BETTER[plane.x.higher_is_better, plane.y.higher_is_better]}"
    right, top = (side > 0.5 for side in corner)
    axes.annotate(
        word, corner, (-3 if right else 3, -3 if top else 3),
        xycoords="axes fraction", textcoords="offset points",
        ha="right" if right else "left", va="top" if top else "bottom", color=GREY,
    )  # fmt: skip


def _handle(cloud: Cloud) -> Line2D:
    look = cloud.look
    return Line2D(
        [], [], color=look.colour, marker=look.marker,
        linewidth=0.8 if len(cloud.points) > 1 else 0.0,
        markeredgecolor="black", markeredgewidth=0.4,
    )  # fmt: skip
