"""Rows of crops: the whole LR image at the left, its places in all results beside it.

With insets every result is shown whole, and its crops in its own corners.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from reports.figures.drawing.style import DPI, SIZE, fit, wrap
from reports.figures.looks import PALETTE
from reports.figures.model import Columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy import uint8
    from numpy.typing import NDArray

    from reports.figures.grid import Fractions, Grid, Row, Tile
    from reports.figures.model import Page

_GAP = 0.04  # inches between crops
_SMALL_FIGURE = 4.0  # inches; crops may be smaller in a narrower one
_NARROWEST = {True: 0.58, False: 0.75}  # inches of a crop worth looking at, in a small figure
_NARROWEST_WHOLE = {True: 1.0, False: 1.25}  # the same of an image with insets
_MOST_LINES = 4  # of crops for one place
_WHOLE = 0.42  # of the width: the most that the whole image may take
_TALLEST = 1.5  # crops: the whole image where they are flat
_INSETS = {1: 0.48, 2: 0.42, 3: 0.36, 4: 0.36}  # of the image: the longer side of so many insets
_CORNERS = ((1, 1), (0, 1), (1, 0), (0, 0))  # right or left, bottom or top: the first that suits
_LINES = ("-", (0, (4, 1.6)), (0, (1, 1)), (0, (5, 1, 1, 1)))  # told apart without their colours
_ALL = (0.0, 0.0, 1.0, 1.0)  # the edge of a crop
_COLOURS = (PALETTE[4], PALETTE[5], PALETTE[7], PALETTE[2])


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
        if row.inset:
            return self.tile / _shape(row)
        return self.tile * sum(row.shapes) + _GAP * (len(row.shapes) - 1)

    def whole_width(self, row: Row) -> float:
        """As wide as there is room, and as tall as the crops, or a little taller than one."""
        crops = self.lines * (self.tile_height(row) + self.label) - self.label
        return min(self.whole, _shape(row) * max(crops, _TALLEST * self.tile))

    def row_height(self, row: Row) -> float:
        crops = self.lines * (self.tile_height(row) + self.label)
        if row.inset:
            return crops
        return max(crops, self.whole_width(row) / _shape(row) + self.label)


def draw(data: Grid, page: Page) -> Figure:
    """Return the figure of one data set, by default as wide as two columns."""
    layout = _layout(data, page.width(Columns.TWO))
    heights = [layout.row_height(row) for row in data.rows]
    height = sum(heights) + _GAP * (len(heights) - 1)
    figure = Figure(figsize=(layout.width, height))
    top = 0.0
    for row, tall in zip(data.rows, heights, strict=True):
        (_draw_insets if row.inset else _draw_row)(figure, row, layout, top)
        top += tall + _GAP
    return figure


def _layout(data: Grid, width: float) -> _Layout:
    """Return the layout with the fewest lines whose crops are large enough, or the largest."""
    every = [_with_lines(data, width, lines) for lines in range(1, _MOST_LINES + 1)]
    narrowest = _NARROWEST_WHOLE if data.rows[0].inset else _NARROWEST
    good = [layout for layout in every if layout.tile >= narrowest[width < _SMALL_FIGURE]]
    return good[0] if good else max(every, key=lambda layout: layout.tile)


def _with_lines(data: Grid, width: float, lines: int) -> _Layout:
    count = max(len(row.tiles) for row in data.rows)
    per_line = math.ceil(count / lines)
    label = _line_height(1)
    tile = min(_tile_width(row, width, lines, per_line, label) for row in data.rows)
    deepest = max(len(_words(row, tile_, tile)) for row in data.rows for tile_ in row.tiles)
    return _Layout(
        width=width, lines=lines, per_line=per_line, tile=tile, label=_line_height(deepest)
    )


def _line_height(lines: int) -> float:
    return (lines * SIZE * 1.2 + 4) / 72


def _tile_width(row: Row, width: float, lines: int, per_line: int, label: float) -> float:
    """Return the width of crops beside a whole image that is as tall as all their lines."""
    if row.inset:
        return (width - (per_line - 1) * _GAP) / per_line
    shape, tall = _shape(row), sum(row.shapes)
    # width = whole + per_line (tile + gap),
    # whole = shape (lines (tall tile + gaps + label) - label)
    gaps = lines * _GAP * (len(row.shapes) - 1)
    free = width - per_line * _GAP - shape * ((lines - 1) * label + gaps)
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
    for index, frame in enumerate(row.frames):
        _frame(whole, frame, index)
    _label(whole, [fit(row.image, layout.whole * 72)])
    tall = layout.tile_height(row)
    for index, tile in enumerate(row.tiles):
        line, place = divmod(index, layout.per_line)
        left = layout.whole + _GAP + place * (layout.tile + _GAP)
        below = top + line * (tall + layout.label)
        for box, (pixels, shape) in enumerate(zip(tile.crops, row.shapes, strict=True)):
            axes = _image(figure, pixels, (left, below, layout.tile, layout.tile * shape))
            if len(tile.crops) > 1:
                _frame(axes, _ALL, box)
            below += layout.tile * shape + _GAP
        _label(axes, _words(row, tile, layout.tile))


def _draw_insets(figure: Figure, row: Row, layout: _Layout, top: float) -> None:
    wide, tall = layout.tile, layout.tile_height(row)
    places = _inset_places(row)
    for index, tile in enumerate(row.tiles):
        assert tile.whole is not None
        line, place = divmod(index, layout.per_line)
        left, above = place * (wide + _GAP), top + line * (tall + layout.label)
        axes = _image(figure, tile.whole, (left, above, wide, tall))
        for box, (frame, inset) in enumerate(zip(row.frames, places, strict=True)):
            _frame(axes, frame, box)
            x, y, across, down = inset
            size = (left + x * wide, above + y * tall, across * wide, down * tall)
            _frame(_image(figure, tile.crops[box], size), _ALL, box)
        _label(axes, _words(row, tile, wide))


def _inset_places(row: Row) -> tuple[Fractions, ...]:
    """Return where the insets go: in corners, over as little as possible of what is framed."""
    longest = _INSETS[len(row.frames)]
    # A box's shape on paper is that of its pixels; the image's own shape turns it into fractions.
    shapes = [shape * _shape(row) for shape in row.shapes]
    sizes = [(longest / max(1.0, one), longest / max(1.0, 1 / one)) for one in shapes]
    choices = [
        tuple(
            (right * (1 - w), bottom * (1 - h), w, h)
            for (right, bottom), (w, h) in zip(corners, sizes, strict=True)
        )
        for corners in permutations(_CORNERS, len(sizes))
    ]
    return min(choices, key=lambda insets: _hidden(insets, row.frames))


def _hidden(insets: Sequence[Fractions], frames: Sequence[Fractions]) -> float:
    """Return how much of frames lies under insets."""
    return sum(
        max(0.0, min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0]))
        * max(0.0, min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1]))
        for a in insets
        for b in frames
    )


def _frame(axes: Axes, place: Fractions, index: int) -> None:
    """Draw the box of an index on an image."""
    across, down = axes.get_xlim()[1] + 0.5, axes.get_ylim()[0] + 0.5  # pixels
    x, y, width, height = place
    corner = (x * across - 0.5, y * down - 0.5)
    for colour, line, thick in (("white", "-", 2.4), (_COLOURS[index], _LINES[index], 1.2)):
        axes.add_patch(
            Rectangle(
                corner, width * across, height * down,
                fill=False, edgecolor=colour, linestyle=line, linewidth=thick,
            )
        )  # fmt: skip


def _words(row: Row, tile: Tile, width: float) -> list[str]:
    """Return the lines under a crop of a width in inches; of insets, the first names the image."""
    below = [row.image] if row.inset and tile is row.tiles[0] else []
    below += [tile.below] if tile.below else []
    return [*wrap(tile.title, width * 72), *(fit(one, width * 72) for one in below)]


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
