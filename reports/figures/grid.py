"""The same places as every method restored them: LR with boxes, crops, reference."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from benchmarks.api.errors import DataError, UsageError
from benchmarks.api.images import read_rgb, read_size
from benchmarks.api.names import unknown
from benchmarks.results.directory import slug
from reports.figures.model import About
from reports.figures.places import (
    CELL,
    Box,
    Place,
    Rule,
    candidates,
    check_box,
    choose_places,
    widest_disagreement,
)
from reports.pictures import with_results, without_results

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from reports.comparison import Comparison
    from reports.identity import Dataset
    from reports.pictures import Picture, Pictures

# Image ids, each with its boxes, or with none: the rule finds them.
ByHand = tuple[tuple[str, tuple[Box, ...]], ...]
Fractions = tuple[float, float, float, float]  # x, y, width, height of a box, of 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tile:
    """What one method made of a place."""

    title: str
    crops: tuple[NDArray[np.uint8], ...]  # (h, w, 3) for each box
    whole: NDArray[np.uint8] | None = None  # the image around them, where crops are insets
    below: str = ""  # the value of its whole image


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Row:
    """One place."""

    image: str
    whole: NDArray[np.uint8]  # the LR image; a result where there is none
    frames: tuple[Fractions, ...]  # the boxes
    shapes: tuple[float, ...]  # of the boxes: height over width, in pixels
    tiles: tuple[Tile, ...]
    inset: bool = False  # every tile shows the image with its crops inside, none stands beside them


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The figure of one data set."""

    about: About
    rows: tuple[Row, ...]


def grid_figures(
    comparison: Comparison,
    pictures: Pictures,
    *,
    by_hand: ByHand = (),
    rule: Rule | None = None,
    metrics: Sequence[str] = (),
    inset: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Iterator[Grid]:
    """Yield the figures of a comparison, one for each data set that has the images.

    Args:
        comparison: what is compared; its methods become crops, in their order.
        pictures: its images.
        by_hand: images to show, each with its boxes or with those that the rule chooses; empty:
            the rule chooses the images too.
        rule: how places are chosen.
        metrics: ids of those whose values of the image stand under its crops.
        inset: show whole images with the crops inside them, in place of crops alone.
        progress: called with (images done, images in all) while places are chosen.

    Raises:
        UnknownNameError: no data set has an image of that name.
        UsageError: a box leaves its image, or there is only one method to choose places by.
        DataError: no image has results of all methods that have any.
    """
    rule = rule or Rule()
    methods = {key: with_results(comparison, every) for key, every in pictures.of.items()}
    of = {
        key: tuple(one for one in every if methods[key] and set(one.results) >= set(methods[key]))
        for key, every in pictures.of.items()
    }
    _check(comparison, of, by_hand)
    for key, every in of.items():
        dataset = comparison.datasets[key]
        chosen = tuple(one for one in by_hand if any(one[0] == known.image for known in every))
        if not every or (by_hand and not chosen):
            continue
        scales = _scales(every)
        if chosen:
            places = tuple(_places_by_hand(every, scales, chosen, rule))
        else:
            places = choose_places(candidates(every, rule), scales, rule, progress)
        shown = comparison.select(methods=methods[key])
        notes = tuple(_notes(comparison, pictures, dataset, places, every, rule))
        about = _about(shown, dataset, places, len(every), rule, notes)
        more = _said_of_looks(comparison, metrics, inset=inset)
        yield Grid(
            about=replace(about, caption=about.caption + more),
            rows=tuple(_row(shown, one, scales, metrics, inset=inset) for one in places),
        )


def _said_of_looks(comparison: Comparison, metrics: Sequence[str], *, inset: bool) -> str:
    """Return what the caption says of insets and of the values under crops."""
    text = " Insets enlarge what is framed." if inset else ""
    if metrics:
        titles = ", ".join(comparison.metrics[metric].title for metric in metrics)
        where = "image" if inset else "crop"
        text += f" Under each {where}: {titles} of the whole image."
    return text


def _check(comparison: Comparison, of: Mapping[str, Sequence[Picture]], by_hand: ByHand) -> None:
    known = [one.image for every in of.values() for one in every]
    if not known:
        raise DataError(
            "No image has results of all these methods.",
            f"Choose others with --methods. {comparison.finish}",
        )
    for image, _ in by_hand:
        if image not in known:
            raise unknown("image with results of all methods", image, known, see="RUN/images.csv")
    if len(comparison.methods) < 2 and not (by_hand and all(boxes for _, boxes in by_hand)):
        raise UsageError(
            "One method cannot disagree, so places have to be given.",
            "Say: --image ID --box x,y,width,height",
        )


def _scales(pictures: Sequence[Picture]) -> dict[str, float]:
    """Return image -> pixels of a result per LR pixel, for those whose LR image is here."""
    return {one.image: one.width / read_size(one.lr)[1] for one in pictures if one.lr}


def _places_by_hand(
    pictures: Sequence[Picture], scales: Mapping[str, float], by_hand: ByHand, rule: Rule
) -> Iterator[Place]:
    known = {one.image: one for one in pictures}
    for image, boxes in by_hand:
        picture = known[image]
        if boxes:
            yield Place(picture=picture, boxes=tuple(check_box(one, picture) for one in boxes))
        else:
            yield widest_disagreement(picture, scales.get(image, CELL), rule)


def _row(
    comparison: Comparison,
    place: Place,
    scales: Mapping[str, float],
    metrics: Sequence[str],
    *,
    inset: bool,
) -> Row:
    picture = place.picture

    def tile(title: str, file: Path, *, scale: float = 1.0, below: str = "") -> Tile:
        whole = read_rgb(file)
        crops = tuple(box.of(whole, scale) for box in place.boxes)
        return Tile(title=title, crops=crops, whole=whole if inset else None, below=below)

    tiles = []
    if picture.lr:
        tiles.append(tile("LR", picture.lr, scale=scales[picture.image]))
    for key, method in comparison.methods.items():
        below = " / ".join(_value(comparison, picture, key, metric) for metric in metrics)
        tiles.append(tile(method.title, picture.results[key], below=below))
    if picture.hr:
        tiles.append(tile("GT", picture.hr))
    across, down = picture.width, picture.height
    return Row(
        image=picture.image,
        whole=read_rgb(picture.lr or picture.results[next(iter(comparison.methods))]),
        frames=tuple(
            (one.x / across, one.y / down, one.width / across, one.height / down)
            for one in place.boxes
        ),
        shapes=tuple(one.height / one.width for one in place.boxes),
        tiles=tuple(tiles),
        inset=inset,
    )


def _value(comparison: Comparison, picture: Picture, method: str, metric: str) -> str:
    """Return a method's value on an image as tables print it; "-" where there is none."""
    rows = comparison.scores
    found = rows.loc[
        (rows["dataset"] == picture.dataset)
        & (rows["image"] == picture.image)
        & (rows["method"] == method)
        & (rows["metric"] == metric),
        "value",
    ]
    decimals = comparison.metrics[metric].decimals
    return f"{float(found.iloc[0]):.{decimals}f}" if len(found) else "-"


def _notes(
    comparison: Comparison,
    pictures: Pictures,
    dataset: Dataset,
    places: Sequence[Place],
    every: Sequence[Picture],
    rule: Rule,
) -> Iterator[str]:
    known = pictures.of[dataset.id]
    if without := without_results(comparison, known, dataset.title):
        yield without
    if why := pictures.lacking.get(dataset.id):
        yield f"{dataset.title}: without LR and reference: {why}"
    elif not dataset.has_reference:
        yield f"{dataset.title}: the data set has no HR images, so there is no GT."
    if left_out := len(known) - len(every):
        yield f"{dataset.title}: {left_out} images lack the result of a method and are left out."
    if any(place.sd is not None for place in places):
        looked_at = min(len(every), rule.among)
        yield f"{dataset.title}: {looked_at} of {len(every)} images looked at, seed {rule.seed}."
    for place in places:
        sd = f" (sd between methods: {place.sd:.1f} levels)" if place.sd is not None else ""
        yield f"{dataset.title}: --image {shlex.quote(place.picture.image)} --box {place}{sd}"


def _about(
    comparison: Comparison,
    dataset: Dataset,
    places: Sequence[Place],
    n: int,
    rule: Rule,
    notes: tuple[str, ...],
) -> About:
    chosen = ""
    if any(place.sd is not None for place in places):
        among = f"{min(n, rule.among)} of {n} images" if n > rule.among else f"{n} images"
        drawn = f" drawn with seed {rule.seed}" if n > rule.among else ""
        chosen = f" Places: where the methods differ most among {among}{drawn}."
    listed = "; ".join(f"{place.picture.image} at {place}" for place in places)
    return About(
        name=f"grid-{slug(dataset.id)}",
        title=dataset.title,
        caption=f"The same places on {dataset.title} as each method restored them.{chosen} "
        f"Images and boxes (x,y,width,height): {listed}. Run seed {comparison.runs[0].seed}.",
        notes=notes,
    )
