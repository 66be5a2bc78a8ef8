"""The step sweep: one panel per metric."""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import TYPE_CHECKING

from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator, StrMethodFormatter

from reports.figures.drawing.style import Arrangement, label_x, legend_below, panels, width_for
from reports.figures.model import arrow
from reports.figures.steps import Line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from reports.figures.model import Page
    from reports.figures.steps import Level, Panel, Steps

_TALLEST = 2.2  # inches of a panel
_NARROW = 0.07  # of the axis; numbers that are closer together overlap


def draw(data: Steps, page: Page) -> Figure:
    """Return the figure of one data set; its width follows the number of panels by default."""
    count = len(data.panels)
    arrangement = Arrangement(count=count, width=width_for(count, page))
    shape = 0.62 if count == 1 else 0.88
    figure, every = panels(arrangement, height=min(_TALLEST, shape * arrangement.panel_width))
    for axes, panel in zip(every, data.panels, strict=True):
        _draw(axes, panel, data)
    figure.suptitle(data.about.title)
    label_x(every, "sampling steps")
    handles: dict[str, Line2D] = {}
    for panel in data.panels:
        handles |= {line.title: _handle(line) for line in panel.lines}
    for panel in data.panels:
        handles |= {level.title: _handle(level) for level in panel.levels}
    legend_below(figure, list(handles.values()), list(handles))
    return figure


def _draw(axes: Axes, panel: Panel, data: Steps) -> None:
    for level in panel.levels:
        dashes = (0, level.look.dashes)
        axes.axhline(level.value, color=level.look.colour, linestyle=dashes, linewidth=1.0)
    for line in panel.lines:
        axes.plot(line.steps, line.values, color=line.look.colour, marker=line.look.marker)
    if data.is_logarithmic:
        axes.set_xscale("log", base=2)
    ticks = readable(data.all_steps, logarithmic=data.is_logarithmic)
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:.0f}"))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.set_title(arrow(panel.metric))


def _handle(one: Line | Level) -> Line2D:
    colour = one.look.colour
    if isinstance(one, Line):
        return Line2D([], [], color=colour, marker=one.look.marker)
    return Line2D([], [], color=colour, linestyle=(0, one.look.dashes), linewidth=1.0)


def readable(steps: Sequence[int], *, logarithmic: bool) -> tuple[int, ...]:
    """Return those numbers of steps that have room for their label on a narrow axis.

    >>> readable(range(1, 11), logarithmic=False)
    (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
    >>> readable([1, 2, 4, 8, 9, 10, 40], logarithmic=True)
    (1, 2, 4, 8, 40)
    """

    def place(step: int) -> float:
        return log(step) if logarithmic else float(step)

    low, high = place(steps[0]), place(steps[-1])
    chosen: list[int] = []
    for step in steps:
        last = place(step) == high
        if chosen and (place(step) - place(chosen[-1])) < _NARROW * (high - low):
            if not last:
                continue
            chosen.pop()  # the ends of the axis are always named
        chosen.append(step)
    return tuple(chosen)
