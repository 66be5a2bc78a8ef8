"""What all forms of a table share: numbers, and names that cannot break a line."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Highlight(StrEnum):
    """How the best and the second best value look."""

    RED_BLUE = "red-blue"
    BOLD_UNDERLINE = "bold-underline"
    TIED = "tied"  # the best, and all that are not distinguishable from it, alike
    NONE = "none"


WORDS = {
    Highlight.RED_BLUE: "Best in red, second in blue.",
    Highlight.BOLD_UNDERLINE: "Best in bold, second underlined.",
    Highlight.TIED: "In bold the best and all that are not distinguishable from it.",
    Highlight.NONE: "",
}
_SUPERSCRIPT = str.maketrans("abcdefghijklmnoprstuvwxyz", "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ")


def one_line(text: str) -> str:
    """Return `text` on one line, with a question mark for whatever does not print."""
    return "".join(character if character.isprintable() else "?" for character in text)


def superscript(marks: Iterable[str]) -> str:
    """Return the signs of footnotes as small raised letters, for plain text."""
    return ",".join(filter(None, marks)).translate(_SUPERSCRIPT)


def signed(value: float, decimals: int) -> str:
    """Return a difference with its sign; one that rounds to nothing has no direction.

    >>> signed(-0.126, 2), signed(-0.001, 2)
    ('-0.13', '+0.00')
    """
    text = f"{value:+.{decimals}f}"
    return text.replace("-", "+") if float(text) == 0 else text


def significant(value: float | None) -> str:
    """Return a number with three significant digits, never in powers of ten; "-" for none.

    >>> [significant(x) for x in (2265.4, 16.28, 0.1234, 0.000517, 0, None)]
    ['2265', '16.3', '0.123', '0.000517', '0', '-']
    """
    if value is None:
        return "-"
    if value == 0:
        return "0"
    digits = 2 - int(f"{abs(value):e}".partition("e")[2])
    return f"{value:.{max(digits, 0)}f}"
