"""What every rater is shown, in what order and at what place: decided before anyone is asked.

Nothing here comes from a generator's stream: every order is by `seed_for(seed, rater, ...)` of the
things in it. So a rater's trials follow from the seed and the rater's number alone, and anyone can
check them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pydantic.dataclasses import dataclass as document

from benchmarks.api.documents import STRICT
from benchmarks.api.errors import ConfigError
from benchmarks.api.seeds import seed_for
from reports.study.blocks import MOST_METHODS, Design, blocks

Kind = Literal["rated", "repeat", "obvious"]
Image = tuple[str, str]  # (data set, image)

BLURRED = "blurred:"  # a spoilt version of an image, with its degree
_RANGE = 2**63  # of `seed_for`


@document(frozen=True, slots=True, kw_only=True, config=STRICT)
class StudyDesign:
    """All that decides the trials of every rater."""

    methods: tuple[str, ...]  # keys
    images: tuple[Image, ...]  # those that are rated
    obvious: tuple[Image, ...]  # one obvious trial each
    shown: int  # results side by side: 2 is a two-alternative forced choice
    per_image: int = 1  # trials of one image and one rater
    repeats: int = 0  # trials that come a second time, with the places turned round
    raters: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if not 2 <= self.shown <= len(self.methods) <= MOST_METHODS:
            raise ConfigError(
                f"{self.shown} of {len(self.methods)} methods cannot be compared.",
                f"A study has 2 to {MOST_METHODS} methods, and shows at least 2 of them at a time.",
            )
        if not 1 <= self.per_image <= len(self.blocks):
            raise ConfigError(
                f"An image cannot be shown {self.per_image} times: there are {len(self.blocks)} "
                f"different choices of {self.shown} of {len(self.methods)} methods.",
                f"Give --per-image from 1 to {len(self.blocks)}.",
            )
        if not self.images or self.raters < 1:
            raise ConfigError("A study has at least one image and one rater.")
        if not 0 <= self.repeats <= self.rated // 2:
            raise ConfigError(
                f"{self.repeats} of {self.rated} trials cannot be repeated.",
                f"Give --repeats from 0 to {self.rated // 2}.",
            )

    @property
    def blocks(self) -> Design:
        """The choices of methods that are shown together."""
        return blocks(len(self.methods), self.shown)

    @property
    def rated(self) -> int:
        """The number of trials of one rater that count."""
        return len(self.images) * self.per_image

    @property
    def trials(self) -> int:
        """The number of trials of one rater, checks included."""
        return self.rated + self.repeats + len(self.obvious)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One question to one rater."""

    id: str  # "t01": place in the rater's order
    kind: Kind
    image: Image
    shown: tuple[str, ...]  # method keys, or `blurred:1`, in the order of their places
    repeats: str = ""  # id of the trial that this one repeats


def raters(design: StudyDesign) -> tuple[str, ...]:
    """Return the ids of all raters that a study is made for.

    Each stands for one set of trials; several people may have answered the same.
    """
    digits = max(3, len(str(design.raters)))
    return tuple(f"r{number:0{digits}}" for number in range(1, design.raters + 1))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Draft:
    """A trial that has a place among the others, and no number yet."""

    at: float
    kind: Kind
    image: Image
    shown: tuple[str, ...]
    repeats: _Draft | None = None


def assignment(design: StudyDesign, rater: str) -> tuple[Trial, ...]:
    """Return the trials of one rater, in order.

    Obvious trials are spread over the whole. What is repeated comes in the first half, and again in
    the second.
    """
    number = raters(design).index(rater)
    rated = sorted(_rated(design, rater, number), key=lambda draft: draft.at)
    rated = [replace(draft, at=float(i)) for i, draft in enumerate(rated)]
    drafts = [*rated, *_repeats(design, rater, rated), *_obvious(design, rater)]
    drafts.sort(key=lambda draft: draft.at)
    digits = max(2, len(str(len(drafts))))
    ids = {id(draft): f"t{i:0{digits}}" for i, draft in enumerate(drafts, start=1)}
    return tuple(
        Trial(
            id=ids[id(draft)],
            kind=draft.kind,
            image=draft.image,
            shown=draft.shown,
            repeats=ids[id(draft.repeats)] if draft.repeats else "",
        )
        for draft in drafts
    )


def _rated(design: StudyDesign, rater: str, number: int) -> Iterator[_Draft]:
    """Yield the trials that count. Over raters and over images the blocks take turns."""
    order = sorted(range(len(design.blocks)), key=lambda i: seed_for(design.seed, "block", str(i)))
    for position, image in enumerate(design.images):
        for again in range(design.per_image):
            turn = (number + position) * design.per_image + again
            block = design.blocks[order[turn % len(order)]]
            shown = [design.methods[i] for i in block]
            yield _Draft(
                at=_uniform(design, rater, "order", *image, str(again)),
                kind="rated",
                image=image,
                shown=_places(design, rater, "rated", *image, str(again), shown=shown),
            )


def _repeats(design: StudyDesign, rater: str, rated: Sequence[_Draft]) -> Iterator[_Draft]:
    half = len(rated) // 2

    def chance(what: str, draft: _Draft) -> float:
        return _uniform(design, rater, what, *draft.image, *draft.shown)

    for draft in sorted(rated[:half], key=lambda one: chance("repeat", one))[: design.repeats]:
        yield _Draft(
            at=half + (len(rated) - half) * chance("repeat at", draft),
            kind="repeat",
            image=draft.image,
            shown=draft.shown[::-1],
            repeats=draft,
        )


def _obvious(design: StudyDesign, rater: str) -> Iterator[_Draft]:
    """Yield trials with one result among blurred images."""
    for i, image in enumerate(design.obvious):
        stretch = design.rated / len(design.obvious)
        method, *_ = _places(design, rater, "obvious", *image, shown=design.methods)
        shown = [method, *(f"{BLURRED}{degree}" for degree in range(1, design.shown))]
        yield _Draft(
            at=stretch * (i + _uniform(design, rater, "obvious at", *image)),
            kind="obvious",
            image=image,
            shown=_places(design, rater, "obvious", *image, shown=shown),
        )


def _places(design: StudyDesign, rater: str, *names: str, shown: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(shown, key=lambda one: _uniform(design, rater, "place", *names, one)))


def _uniform(design: StudyDesign, rater: str, *names: str) -> float:
    """Return the number in [0, 1) that belongs to some names."""
    return seed_for(design.seed, rater, *names) / _RANGE
