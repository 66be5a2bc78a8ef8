"""Rows of crops: the whole LR image at the left, its place in all results beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from reports.figures.drawing.style import DPI, SIZE, fit, wrap
from reports.figures.looks import PALETTE
from reports.figures.model import Columns

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy import uint8
    from numpy.typing import NDArray

    from reports.figures.grid import Grid, Row, Tile
    from reports.figures.model import Page

_GAP = 0.04  # inches between crops
_SMALL_FIGURE = 4.0  # inches; crops may be smaller in a narrower one
_NARROWEST = {True: 0.58, False: 0.75}  # inches of a crop worth looking at, in a small figure
_MOST_LINES = 4  # of crops for one place
_WHOLE = 0.42  # of the width: the most that the whole image may take
_TALLEST = 1.5  # crops: the whole image where they are flat
_FRAME = PALETTE[4]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Inches of everything."""

    width: float
    lines: int  # of crops for one place
    per_line: int
    tile: float  # width of a crop
    label: float  # height of what is written under it

    @property
    def whole(self) -> float:
        return self.width - self.per_line * (self.tile + _GAP)

    def tile_height(self, row: Row) -> float:
        return self.tile * row.frame[3] / row.frame[2]

    def whole_width(self, row: Row) -> float:
        """As wide as there is room, and as tall as the crops, or a little taller than one."""
        crops = self.lines * (self.tile_height(row) + self.label) - self.label
        return min(self.whole, _shape(row) * max(crops, _TALLEST * self.tile))

    def row_height(self, row: Row) -> float:
        crops = self.lines * (self.tile_height(row) + self.label)
        return max(crops, self.whole_width(row) / _shape(row) + self.label)


def draw(data: Grid, page: Page) -> Figure:
    """Return the figure of one data set, by default as wide as two columns."""
    layout = _layout(data, page.width(Columns.TWO))
    heights = [layout.row_height(row) for row in data.rows]
    height = sum(heights) + _GAP * (len(heights) - 1)
    figure = Figure(figsize=(layout.width, height))
    top = 0.0
    for row, tall in zip(data.rows, heights, strict=True):
        _draw_row(figure, row, layout, top)
        top += tall + _GAP
    return figure


def _layout(data: Grid, width: float) -> _Layout:
    """Return the layout with the fewest lines whose crops are large enough, or the largest."""
    every = [_with_lines(data, width, lines) for lines in range(1, _MOST_LINES + 1)]
    good = [layout for layout in every if layout.tile >= _NARROWEST[width < _SMALL_FIGURE]]
    return good[0] if good else max(every, key=lambda layout: layout.tile)


def _with_lines(data: Grid, width: float, lines: int) -> _Layout:
    count = max(len(row.tiles) for row in data.rows)
    per_line = math.ceil(count / lines)
    label = _line_height(1)
    tile = min(_tile_width(row, width, lines, per_line, label) for row in data.rows)
    deepest = max(len(_words(tile_, tile)) for row in data.rows for tile_ in row.tiles)
    return _Layout(
        width=width, lines=lines, per_line=per_line, tile=tile, label=_line_height(deepest)
    )


def _line_height(lines: int) -> float:
    return (lines * SIZE * 1.2 + 4) / 72


def _tile_width(row: Row, width: float, lines: int, per_line: int, label: float) -> float:
    """Return the width of crops beside a whole image that is as tall as all their lines."""
    shape = _shape(row)
    tall = row.frame[3] / row.frame[2]
    # width = whole + per_line (tile + gap), whole = shape (lines (tall tile + label) - label)
    free = width - per_line * _GAP - shape * (lines - 1) * label
    tile = free / (per_line + shape * lines * tall)
    least = (width * (1 - _WHOLE) - per_line * _GAP) / per_line
    return max(tile, least)


def _shape(row: Row) -> float:
    """Return how many times as wide as high the whole image is."""
    height, width = row.whole.shape[:2]
    return float(width / height)


def _draw_row(figure: Figure, row: Row, layout: _Layout, top: float) -> None:
    width = layout.whole_width(row)
    whole = _image(figure, row.whole, (0.0, top, width, width / _shape(row)))
    x, y, wide, high = row.frame
    whole.add_patch(
        Rectangle(
            (x - 0.5, y - 0.5), wide, high, fill=False, edgecolor=_FRAME, linewidth=1.2,
            path_effects=[withStroke(linewidth=2.4, foreground="white")],
        )
    )  # fmt: skip
    _label(whole, [fit(row.image, layout.whole * 72)])
    tall = layout.tile_height(row)
    for index, tile in enumerate(row.tiles):
        line, place = divmod(index, layout.per_line)
        left = layout.whole + _GAP + place * (layout.tile + _GAP)
        above = top + line * (tall + layout.label)
        axes = _image(figure, tile.pixels, (left, above, layout.tile, tall))
        _label(axes, _words(tile, layout.tile))


def _words(tile: Tile, width: float) -> list[str]:
    """Return the lines under a crop of a width in inches."""
    below = [fit(tile.below, width * 72)] if tile.below else []
    return [*wrap(tile.title, width * 72), *below]


def _image(
    figure: Figure, pixels: NDArray[uint8], place: tuple[float, float, float, float]
) -> Axes:
    """Show pixels as they are in a place given in inches from the upper left corner."""
    left, top, width, height = place
    across, down = figure.get_size_inches()
    axes = figure.add_axes(
        (left / across, 1 - (top + height) / down, width / across, height / down)
    )
    fits = pixels.shape[1] <= width * DPI
    # Enlarged pixels stay pixels; what has more than the print can show is averaged.
    axes.imshow(pixels, interpolation="nearest" if fits else "hanning", aspect="auto")
    axes.set_axis_off()
    return axes


def _label(axes: Axes, lines: list[str]) -> None:
    axes.annotate(
        "\n".join(lines), (0.5, 0), (0, -2), xycoords="axes fraction",
        textcoords="offset points", ha="center", va="top", linespacing=1.1,
    )  # fmt: skip
