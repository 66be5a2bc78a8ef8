"""Raters who do not exist, with preferences that are known: for power, and to test the analysis.

A rater sees an image and chooses the method with the largest of

    preference of the method + what this rater likes + what suits this image + the whim of a moment

The whim is Gumbel's distribution, so without the two in the middle choices follow Luce's model
exactly; these are normal, and their standard deviations are what makes votes cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reports.study.ballots import Ballots
from reports.study.design import assignment, raters

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reports.study.design import StudyDesign

_PER_SHARE = 200_000  # choices that expected shares are estimated from


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Raters and images that a study draws from."""

    preferences: tuple[float, ...]  # of the methods, in log odds
    rater_sd: float = 0.0  # of what a rater likes about a method, in log odds
    image_sd: float = 0.0  # of what suits an image


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the raters of a design are shown."""

    methods: tuple[str, ...]
    raters: int
    images: int
    rater: NDArray[np.int64]  # (n,)
    image: NDArray[np.int64]  # (n,)
    order: NDArray[np.int64]  # (n, shown) methods by place


def shown_by(design: StudyDesign) -> Shown:
    """Return all rated trials of a design."""
    number = {method: i for i, method in enumerate(design.methods)}
    place = {image: i for i, image in enumerate(design.images)}
    rows = [
        (at, place[trial.image], [number[one] for one in trial.shown])
        for at, rater in enumerate(raters(design))
        for trial in assignment(design, rater)
        if trial.kind == "rated"
    ]
    return Shown(
        methods=design.methods,
        raters=design.raters,
        images=len(design.images),
        rater=np.array([row[0] for row in rows]),
        image=np.array([row[1] for row in rows]),
        order=np.array([row[2] for row in rows]),
    )


def answer(shown: Shown, population: Population, generator: np.random.Generator) -> Ballots:
    """Return the votes of raters, on images, both drawn from a population."""
    methods = len(shown.methods)
    likes = generator.normal(0, population.rater_sd, (shown.raters, methods))
    suits = generator.normal(0, population.image_sd, (shown.images, methods))
    utility = np.array(population.preferences) + likes[shown.rater] + suits[shown.image]
    visible = np.take_along_axis(utility, shown.order, axis=1)
    place = (visible + generator.gumbel(size=visible.shape)).argmax(axis=1)
    mask = np.zeros((len(place), methods), dtype=np.bool_)
    np.put_along_axis(mask, shown.order, values=True, axis=1)
    return Ballots(
        methods=shown.methods,
        raters=shown.raters,
        images=shown.images,
        rater=shown.rater,
        image=shown.image,
        shown=mask,
        chosen=shown.order[np.arange(len(place)), place],
        place=place,
    )


def expected_shares(population: Population, seed: int = 0) -> NDArray[np.float64]:
    """Return the shares of a population when all methods are shown, to about 0.1 points."""
    generator = np.random.default_rng(seed)
    size = (_PER_SHARE, len(population.preferences))
    sd = np.hypot(population.rater_sd, population.image_sd)
    utility = np.array(population.preferences) + generator.normal(0, sd, size)
    odds = np.exp(utility - utility.max(axis=1, keepdims=True))
    found: NDArray[np.float64] = (odds / odds.sum(axis=1, keepdims=True)).mean(axis=0)
    return found


def population_of(
    wanted: NDArray[np.float64], *, rater_sd: float = 0.0, image_sd: float = 0.0
) -> Population:
    """Return the population whose expected shares, all methods shown, are `wanted`."""
    preferences = np.log(wanted)
    if rater_sd or image_sd:
        for _ in range(30):  # what differs by rater and image evens shares out; undo it
            now = Population(preferences=tuple(preferences), rater_sd=rater_sd, image_sd=image_sd)
            step = np.log(wanted) - np.log(expected_shares(now))
            preferences = preferences + step
            if np.abs(step).max() < 1e-3:
                break
    preferences = preferences - preferences.mean()
    return Population(
        preferences=tuple(map(float, preferences)), rater_sd=rater_sd, image_sd=image_sd
    )
