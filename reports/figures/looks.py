"""How each method looks: the palette of Okabe and Ito (2008), and a marker of its own.

Colour alone never tells two methods apart: their markers and dashes differ too, for readers who do
not see the colours, and for prints without them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports.figures.families import families

if TYPE_CHECKING:
    from reports.comparison import Comparison

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
