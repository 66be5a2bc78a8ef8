"""How a grid is laid out: crops beside the image, or inside it."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from reports.figures.drawing.grid import draw
from reports.figures.grid import Fractions, Grid, Row, Tile
from reports.figures.model import About, Page

TITLES = ("LR", "A", "B", "GT")


def grid(*frames: Fractions, inset: bool) -> Grid:
    """One row of an image of 80 x 60 pixels; every pixel says which method and box it is of."""
    whole = np.zeros((60, 80, 3), np.uint8)
    tiles = tuple(
        Tile(
            title=title,
            crops=tuple(
                np.full((round(60 * h), round(80 * w), 3), 10 * tile + box + 1, np.uint8)
                for box, (_, _, w, h) in enumerate(frames)
            ),
            whole=whole if inset else None,
        )
        for tile, title in enumerate(TITLES)
    )
    row = Row(
        image="name of it",
        whole=whole,
        frames=frames,
        shapes=tuple(60 * h / (80 * w) for _, _, w, h in frames),
        tiles=tiles,
        inset=inset,
    )
    return Grid(about=About(name="g", title="", caption=""), rows=(row,))


def shown(figure: Figure) -> dict[int, tuple[float, float, float, float, str]]:
    """Pixel value of each crop -> left, top, width, height in inches, colour of its edge."""
    across, down = figure.get_size_inches()
    found = {}
    for axes in figure.axes:
        place = axes.get_position()
        value = int(axes.images[0].get_array().flat[0])
        edge = to_hex(axes.patches[-1].get_edgecolor()) if axes.patches else ""
        if value:
            found[value] = (
                place.x0 * across, (1 - place.y1) * down,
                place.width * across, place.height * down, edge,
            )  # fmt: skip
    return found


def words(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_two_boxes_stand_below_each_other_in_their_frames_colours() -> None:
    figure = draw(grid((0.1, 0.1, 0.25, 0.25), (0.6, 0.5, 0.25, 0.5), inset=False), Page())
    crops = shown(figure)
    assert sorted(crops) == [1, 2, 11, 12, 21, 22, 31, 32]
    frames = [to_hex(one.get_edgecolor()) for one in figure.axes[0].patches[1::2]]
    assert len(set(frames)) == 2
    for tile in range(4):
        upper, lower = crops[10 * tile + 1], crops[10 * tile + 2]
        assert [upper[4], lower[4]] == frames
        assert upper[0] == pytest.approx(lower[0]) and upper[2] == pytest.approx(lower[2])
        assert upper[1] + upper[3] < lower[1]
        assert upper[3] / upper[2] == pytest.approx(15 / 20)
        assert lower[3] / lower[2] == pytest.approx(30 / 20)
    assert words(figure) == ["name of it", *TITLES]


FRAMES = ((0.4, 0.4, 0.1, 0.2), (0.52, 0.4, 0.1, 0.1), (0.4, 0.61, 0.1, 0.05), (0.5, 0.5, 0.1, 0.1))


def within(figure: Figure, tile: int, box: int, count: int) -> tuple[float, float, float, float]:
    """Left, top, width and height of an inset, of its image's."""
    across, down = figure.get_size_inches()
    left, top, width, height, _ = shown(figure)[10 * tile + box + 1]
    whole = figure.axes[tile * (1 + count)].get_position()
    return (
        (left / across - whole.x0) / whole.width, (top / down - 1 + whole.y1) / whole.height,
        width / across / whole.width, height / down / whole.height,
    )  # fmt: skip


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_insets_lie_enlarged_in_corners_of_every_image(count: int) -> None:
    figure = draw(grid(*FRAMES[:count], inset=True), Page())
    assert len(shown(figure)) == len(TITLES) * count
    for tile in range(len(TITLES)):
        corners = set()
        for box in range(count):
            x, y, w, h = within(figure, tile, box, count)
            assert min(x, 1 - x - w) == pytest.approx(0, abs=1e-6)
            assert min(y, 1 - y - h) == pytest.approx(0, abs=1e-6)
            assert w / FRAMES[box][2] == pytest.approx(h / FRAMES[box][3])
            assert w / FRAMES[box][2] > 1.5
            corners.add((x < 0.01, y < 0.01))
        assert len(corners) == count
    assert words(figure) == ["LR\nname of it", *TITLES[1:]]


@pytest.mark.parametrize("corner", [(0.0, 0.0), (0.8, 0.0), (0.0, 0.8), (0.8, 0.8)])
def test_an_inset_hides_nothing_that_is_framed(corner: tuple[float, float]) -> None:
    figure = draw(grid((*corner, 0.2, 0.2), inset=True), Page())
    x, y, w, h = within(figure, 1, 0, 1)
    assert x >= corner[0] + 0.2 or x + w <= corner[0] or y >= corner[1] + 0.2 or y + h <= corner[1]
