"""The number that a cell of a table holds."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NUMBER = r"[-+−]?(?:\d{1,3}(?:,\d{3})+\.\d+|\d+\.\d*|\.\d+|\d+)"
_REST = re.compile(
    r"\s*(?:%|dB)?"
    rf"\s*(?:(?:±|\+/?-)\s*{_NUMBER}\s*%?)?"  # a spread
    r"\s*(?:\([^()]*\)|\[[^\[\]]*\])?"  # a spread, an interval, a difference, a rank
    rf"\s*(?:[↑↓▲▼+]\s*{_NUMBER}\s*%?)?"  # a difference
    r"\s*[↑↓▲▼†‡§¶*⋆★☆✓]*\s*"
)
_VALUE = re.compile(_NUMBER)
_INTERVAL = re.compile(rf"[\[(]\s*{_NUMBER}\s*[,;–-]\s*{_NUMBER}\s*[\])]")


@dataclass(frozen=True, slots=True)
class Number:
    """A number, and where in its cell it stands."""

    text: str  # as printed
    start: int
    end: int


def number_in(text: str) -> Number | None:
    """Return the number of a cell, or None where it holds none: a dash, a word, an interval.

    Raises:
        ValueError: there are digits, and it is not clear what number they are.

    >>> number_in("25.15 ±0.47").text, number_in(".7341*").text, number_in("−1.5").text
    ('25.15', '.7341', '-1.5')
    >>> number_in("N/A"), number_in("[24.9, 25.4]")
    (None, None)
    """
    if not re.search(r"\d", text) or _INTERVAL.fullmatch(text):
        return None
    found = _VALUE.match(text)
    if not found or not _REST.fullmatch(text, found.end()):
        raise ValueError(text)
    return Number(found.group().replace("−", "-"), *found.span())
