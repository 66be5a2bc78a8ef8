"""What a caption says its marks mean: "the best and second best are in red and blue"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from reports.audit.colours import NAMES, colour

if TYPE_CHECKING:
    from reports.audit.grid import GridCell, Style

Rank = int  # 1 is the best
_RANK = re.compile(
    r"(?P<second>second[\s-]*(?:best|place|highest|lowest)?|2nd(?:[\s-]*best)?|runners?[\s-]*up"
    r"|sub-?optimal)"
    r"|(?P<third>third[\s-]*(?:best|place)?|3rd(?:[\s-]*best)?)"
    r"|(?P<best>\bbest\b|\bfirst\b|\b1st\b|\btop(?:-1)?\b|\boptimal\b)",
    re.IGNORECASE,
)
_STYLE = re.compile(
    r"\b(?:(?P<bold>bold(?:ed|face|faced)?)|(?P<underline>under-?lin(?:e|ed|es|ing))"
    rf"|(?P<italic>italic(?:s|ized)?)|(?P<colour>{'|'.join(sorted(NAMES | {'gray'}))}))\b",
    re.IGNORECASE,
)
_RESTRICTED = re.compile(
    r"\b(?:among|amongst|within|exclud\w+|except|apart from|other than|for each|in each|of each"
    r"|per (?:group|block|setting)|not (?:ranked|compared)|reference only|for reference|oracle"
    r"|upper bound|respectively for|group)\b",
    re.IGNORECASE,
)
_RANKS = {"best": 1, "second": 2, "third": 3}


def is_restricted(caption: str) -> bool:
    """Whether a caption speaks of ranks among some of the rows."""
    return bool(_RESTRICTED.search(caption))


def legend(caption: GridCell) -> Mapping[Style, Rank]:
    """Return the rank that a caption gives to styles; of what contradicts itself, nothing.

    Either a word for a rank is set in the style, or words for ranks and for styles come in the
    same number and order within a sentence, which counts more.
    """
    return {**_alone(_shown(caption)), **_alone(_said(caption.text))}


def _alone(pairs: Iterable[tuple[Rank, frozenset[Style]]]) -> dict[Style, Rank]:
    found: dict[Style, set[Rank]] = {}
    for rank, styles in pairs:
        for style in styles:
            found.setdefault(style, set()).add(rank)
    return {style: ranks.pop() for style, ranks in found.items() if len(ranks) == 1}


def _shown(caption: GridCell) -> list[tuple[Rank, frozenset[Style]]]:
    usual = caption.styles(0, 1) & caption.styles(len(caption.text) - 1, len(caption.text))
    return [
        (_rank(match), caption.styles(*match.span()) - usual)
        for match in _RANK.finditer(caption.text)
    ]


def _said(text: str) -> list[tuple[Rank, frozenset[Style]]]:
    found = []
    for sentence in re.split(r"[.;](?=\s|$)", text):
        ranks = [_rank(match) for match in _RANK.finditer(sentence)]
        styles = _mentions(sentence)
        if ranks and len(ranks) == len(styles):
            found += list(zip(ranks, styles, strict=True))
    return found


def _rank(match: re.Match[str]) -> Rank:
    return next(_RANKS[name] for name, text in match.groupdict().items() if text)


def _mentions(sentence: str) -> list[frozenset[Style]]:
    """Return the styles that a sentence names; words side by side are one: "bold red"."""
    found: list[frozenset[Style]] = []
    end = -1
    for match in _STYLE.finditer(sentence):
        kind = next(name for name, text in match.groupdict().items() if text)
        name = colour(match.group()) if kind == "colour" else kind
        styles = frozenset([f"{name} text", f"{name} background"] if kind == "colour" else [name])
        if (
            found
            and re.fullmatch(r"[\s,-]*(?:and)?\s*", sentence[end : match.start()])
            and (
                "and" not in sentence[end : match.start()]
                and "," not in sentence[end : match.start()]
            )
        ):
            found[-1] |= styles
        else:
            found.append(styles)
        end = match.end()
    return found
