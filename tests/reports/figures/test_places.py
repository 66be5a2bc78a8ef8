"""Where the grid looks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.api.errors import DataError, UsageError
from benchmarks.api.images import write_png
from reports.figures.places import (
    Box,
    Rule,
    candidates,
    check_box,
    choose_places,
    parse_boxes,
    widest_disagreement,
)
from reports.pictures import Picture


def picture(folder: Path, name: str, *results: np.ndarray) -> Picture:
    files = {}
    for index, pixels in enumerate(results):
        files[f"m{index}"] = folder / f"{name}-{index}.png"
        write_png(files[f"m{index}"], pixels)
    height, width = results[0].shape[:2]
    return Picture(
        dataset="d", image=name, width=width, height=height, results=files, lr=None, hr=None
    )


@pytest.fixture
def results() -> list[np.ndarray]:
    return list(np.random.default_rng(1).integers(0, 256, (3, 48, 64, 3)).astype(np.uint8))


def test_the_place_is_the_window_of_the_largest_variance(
    tmp_path: Path, results: list[np.ndarray]
) -> None:
    """Every window on LR pixels, one after the other, as the rule is worded."""
    place = widest_disagreement(picture(tmp_path, "a", *results), 4, Rule(crop=16, boxes=3))
    means = []
    for pixels in results:
        cells = np.array(
            [[pixels[y : y + 4, x : x + 4].mean(axis=(0, 1)) for x in range(0, 64, 4)]
             for y in range(0, 48, 4)]
        )  # fmt: skip
        means.append(cells - cells.mean(axis=(0, 1)))
    variance = np.var(np.array(means), axis=0).mean(axis=-1)
    windows = {(x, y): variance[y : y + 4, x : x + 4].mean() for y in range(9) for x in range(13)}
    x, y = max(windows, key=lambda one: windows[one])
    assert place.boxes[0] == Box(x=4 * x, y=4 * y, width=16, height=16)
    assert place.sd == pytest.approx(windows[x, y] ** 0.5)
    corners = []
    while len(corners) < 3:  # none over another
        x, y = max(windows, key=lambda one: windows[one])
        corners.append((4 * x, 4 * y))
        windows = {at: v for at, v in windows.items() if abs(at[0] - x) > 3 or abs(at[1] - y) > 3}
    assert [(one.x, one.y) for one in place.boxes] == corners


def test_there_are_no_more_boxes_than_have_room(tmp_path: Path, results: list[np.ndarray]) -> None:
    place = widest_disagreement(picture(tmp_path, "a", *results), 4, Rule(crop=48, boxes=4))
    assert len(place.boxes) == 1


def test_a_shift_of_brightness_is_no_disagreement(tmp_path: Path) -> None:
    dark, bright = np.full((48, 48, 3), 50, np.uint8), np.full((48, 48, 3), 200, np.uint8)
    bright[24:32, 16:24] = 210
    place = widest_disagreement(picture(tmp_path, "a", dark, bright), 4, Rule(crop=8))
    assert (place.boxes[0].x, place.boxes[0].y) == (16, 24)


def test_images_come_by_how_much_they_disagree(tmp_path: Path, results: list[np.ndarray]) -> None:
    same = picture(tmp_path, "same", *results[:1] * 3)
    different = picture(tmp_path, "different", *results)
    (first,) = choose_places((same, different), {}, Rule(count=1), lambda _done, _all: None)
    assert first.picture is different


def test_the_draw_depends_on_the_seed_alone(tmp_path: Path, results: list[np.ndarray]) -> None:
    every = [picture(tmp_path, f"{i:02}", results[0]) for i in range(12)]
    drawn = candidates(every, Rule(among=5, seed=1))
    assert drawn == candidates(every, Rule(among=5, seed=1))
    assert drawn != candidates(every, Rule(among=5, seed=2))
    assert [one.image for one in drawn] == sorted({one.image for one in drawn})
    assert candidates(every, Rule(among=12)) == tuple(every)


def test_results_of_two_sizes_are_refused(tmp_path: Path, results: list[np.ndarray]) -> None:
    with pytest.raises(DataError, match="is 64×24, other results of 'a' are 64×48"):
        widest_disagreement(picture(tmp_path, "a", results[0], results[1][:24]), 4, Rule())


def test_boxes_by_hand_are_checked(tmp_path: Path, results: list[np.ndarray]) -> None:
    one = picture(tmp_path, "a", results[0])
    (box,) = parse_boxes("48,32,16,16")
    assert check_box(box, one) == Box(x=48, y=32, width=16, height=16)
    assert parse_boxes("48,32,16,16+0,0,1,2") == (box, Box(x=0, y=0, width=1, height=2))
    with pytest.raises(UsageError, match="leaves the image 'a' of 64×48"):
        check_box(parse_boxes("49,32,16,16")[0], one)
    for text in ("1,2,3", "a,b,c,d", "", "1,2,3,4,5", "1,2,3,4+"):
        with pytest.raises(UsageError, match="is not a box"):
            parse_boxes(text)
    with pytest.raises(UsageError, match="empty"):
        parse_boxes("0,0,0,5")
    with pytest.raises(UsageError, match="5 boxes in one image; 4 at most"):
        parse_boxes("+".join(["0,0,1,1"] * 5))


def test_a_box_is_the_same_place_in_lr() -> None:
    hr = np.arange(32 * 32 * 3).reshape(32, 32, 3).astype(np.uint8)
    box = Box(x=8, y=16, width=16, height=8)
    assert (box.of(hr) == hr[16:24, 8:24]).all()
    assert (box.of(hr[::4, ::4], 4.0) == hr[16:24:4, 8:24:4]).all()
