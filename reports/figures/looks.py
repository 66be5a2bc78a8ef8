"""How each method looks: the palette of Okabe and Ito (2008), and a marker of its own.

Colour alone never tells two methods apart: their markers and dashes differ too, for readers who do
not see the colours, and for prints without them. A method with several numbers of sampling steps is
one family, and looks the same everywhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reports.comparison import Comparison
    from reports.identity import Method


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Rows that differ in their number of steps alone, fewest first; most have one member."""

    title: str  # "MFSR" of MFSR-1s and MFSR-2s; of a single row its own title
    methods: tuple[Method, ...]

    @property
    def is_sweep(self) -> bool:
        """Whether there are several numbers of steps."""
        return len(self.methods) > 1


def families(comparison: Comparison) -> tuple[Family, ...]:
    """Return the methods of a comparison by family, in order of first appearance."""
    found: dict[str, list[Method]] = {}
    for method in comparison.methods.values():
        found.setdefault(_without_steps(method), []).append(method)
    return tuple(
        Family(
            title=_title(every),
            methods=tuple(sorted(every, key=lambda method: method.steps or 0)),
        )
        for every in found.values()
    )


def _without_steps(method: Method) -> str:
    """Return all that decides a method's numbers, but its steps, as text."""
    if method.steps is None:
        return method.key
    facts = {key: value for key, value in method.facts.items() if key not in ("title", "steps")}
    return json.dumps(facts, sort_keys=True)


def _title(methods: list[Method]) -> str:
    first = methods[0]
    return first.title if len(methods) == 1 else first.title.replace(f"-{first.steps}s", "", 1)


# https://jfly.uni-koeln.de/color/; neighbours differ in lightness, yellow (weak on white) is last.
PALETTE = (
    "#0072B2",  # blue
    "#E69F00",  # orange
    "#009E73",  # bluish green
    "#000000",  # black
    "#D55E00",  # vermillion
    "#56B4E9",  # sky blue
    "#CC79A7",  # reddish purple
    "#F0E442",  # yellow
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")  # as matplotlib calls them
DASHES = (
    (10.0, 2.5),
    (5.0, 1.2, 1.0, 1.2, 1.0, 1.2),
    (1.0, 1.2),
    (4.0, 1.8),
    (7.0, 1.5, 1.5, 1.5),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How one method is drawn."""

    colour: str
    marker: str
    dashes: tuple[float, ...]  # lengths of dash and gap, in line widths; for lines without markers


def look(index: int) -> Look:
    """Return the look of the method at a place; 72 of them differ."""
    return Look(
        colour=PALETTE[index % len(PALETTE)],
        marker=MARKERS[index % len(MARKERS)],
        dashes=DASHES[index % len(DASHES)],
    )


def looks(comparison: Comparison) -> Mapping[str, Look]:
    """Return method -> look. One method with several numbers of steps has one look."""
    return {
        method.key: look(index)
        for index, family in enumerate(families(comparison))
        for method in family.methods
    }
