"""Colours of LaTeX and HTML, by the name that a caption would use."""

from __future__ import annotations

import colorsys
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reports.audit.grid import Style


_BY_NAME = {
    "maroon": "red", "crimson": "red", "salmon": "red", "brick": "red", "navy": "blue",
    "cornflower": "blue", "teal": "cyan", "turquoise": "cyan", "aqua": "cyan", "lime": "green",
    "olive": "green", "emerald": "green", "violet": "purple", "magenta": "purple",
    "orchid": "purple", "gold": "yellow", "peach": "orange", "apricot": "orange", "gray": "grey",
    "silver": "grey", "red": "red", "blue": "blue", "cyan": "cyan", "green": "green",
    "purple": "purple", "yellow": "yellow", "orange": "orange", "grey": "grey", "pink": "pink",
    "brown": "brown", "black": "black", "white": "white",
}  # fmt: skip
NAMES = frozenset(_BY_NAME.values())
_RANKS = {"second": "second", "third": "third", "first": "best", "best": "best"}
_HUES = ((15, "red"), (45, "orange"), (70, "yellow"), (165, "green"), (200, "cyan"), (260, "blue"),
         (345, "purple"), (360, "red"))  # fmt: skip
_DEFINITION = re.compile(
    r"\\definecolor\s*(?:\[[^]]*\])?\s*\{([^{}]+)\}\s*\{([^{}]+)\}\s*\{([^{}]+)\}"
    r"|\\colorlet\s*\{([^{}]+)\}\s*\{([^{}]+)\}"
)


def definitions(source: str) -> dict[str, str]:
    r"""Return what `\definecolor` and `\colorlet` define: name -> the name of its hue."""
    found: dict[str, str] = {}
    for match in _DEFINITION.finditer(source):
        name, model, values, alias, other = match.groups()
        if alias:
            found[alias] = colour(other, known=found)
        else:
            found[name] = colour(values, model, found)
    return found


def rank_of_name(name: str) -> Style | None:
    """Return what a colour calls itself, if it is the colour of a rank: `tabsecond`."""
    return next((rank for word, rank in _RANKS.items() if word in name.lower()), None)


def colour(text: str, model: str = "", known: Mapping[str, str] | None = None) -> str:
    """Return the name of a colour's hue; the text itself where it is none that is known.

    >>> colour("red!25"), colour("ForestGreen"), colour("FF8800", "HTML"), colour(".9,.9,.9", "rgb")
    ('red', 'green', 'orange', 'grey')
    """
    values = _rgb(text, model)
    if values:
        return _hue(*values)
    name = text.partition("!")[0].strip()
    if known and name in known:
        return known[name]
    return next((hue for part, hue in _BY_NAME.items() if part in name.lower()), name)


def _rgb(text: str, model: str) -> tuple[float, ...] | None:
    """Return red, green and blue in [0, 1]."""
    code = re.fullmatch(r"#?([0-9A-Fa-f]{6})", text.strip())
    if code and (model == "HTML" or text.strip().startswith("#")):
        return tuple(int(code.group(1)[i : i + 2], 16) / 255 for i in (0, 2, 4))
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        return None
    if model == "gray" and len(values) == 1:
        return (values[0],) * 3
    if model == "RGB" and len(values) == 3:
        return tuple(value / 255 for value in values)
    if model == "cmyk" and len(values) == 4:
        return tuple((1 - value) * (1 - values[3]) for value in values[:3])
    return tuple(values) if model == "rgb" and len(values) == 3 else None


def _hue(red: float, green: float, blue: float) -> str:
    hue, lightness, saturation = colorsys.rgb_to_hls(red, green, blue)
    if lightness < 0.1:
        return "black"
    if saturation < 0.15:
        return "white" if lightness > 0.97 else "grey"
    return next(name for most, name in _HUES if hue * 360 <= most)
