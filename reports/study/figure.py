"""The figure of a user study: vote shares, as in Figure 4 of the MFSR paper, with intervals."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.api.images import write_atomic
from reports.study.text import headline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from reports.study.analysis import Analysis

NAME = "shares"
FORMATS = ("png", "pdf", "svg")
_BLUE, _GREY, _INK = "#0072B2", "#A9B4BC", "#222222"  # Okabe and Ito's blue for the first
_WIDTH = 3.3  # inches: one column
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same on every machine
    "font.size": 7.0,
    "text.parse_math": False,  # a `$` in a name is a dollar
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "xtick.major.width": 0.6,
    "ytick.major.size": 0.0,
    "savefig.dpi": 300,
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "mfsr-bench",
}


def write_figure(found: Analysis, folder: Path) -> list[Path]:
    """Write the figure in all formats, the same bytes every time, and return the files."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    files = []
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        height = 0.55 + 0.24 * len(found.methods)
        figure = Figure(figsize=(_WIDTH, height), layout="constrained")
        _draw(figure.subplots(), found)
        for form in FORMATS:
            content = BytesIO()
            figure.savefig(content, format=form, metadata=_metadata(form))
            files.append(folder / f"{NAME}.{form}")
            write_atomic(files[-1], content.getvalue())
    return files


def _draw(axes: Axes, found: Analysis) -> None:
    methods = found.methods
    share = [100 * one.share for one in methods]
    colours = [_BLUE, *[_GREY] * (len(methods) - 1)]
    axes.barh(range(len(methods)), share, height=0.62, color=colours)
    axes.set_yticks(range(len(methods)), [one.title for one in methods])
    axes.invert_yaxis()
    for at, one in enumerate(methods):
        low, high = one.interval or one.wilson
        axes.plot([100 * low, 100 * high], [at, at], color=_INK, linewidth=1.0)
        text = f"{100 * one.share:.1f} %"
        axes.annotate(
            text, (100 * high, at), (4, 0), textcoords="offset points", va="center",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
        )  # fmt: skip
    widest = max(100 * (one.interval or one.wilson)[1] for one in methods)
    axes.set_xlim(0, min(100.0, widest * 1.05))  # what has no room stands beside the axes
    chance = 100 / found.shown
    axes.axvline(chance, color=_INK, linewidth=0.7, dashes=(2, 2))
    axes.annotate(
        "chance", (chance, 1), (0, 1), xycoords=("data", "axes fraction"),
        textcoords="offset points", va="bottom", ha="center", fontsize=6.0,
    )  # fmt: skip
    axes.set_xlabel("vote share (%)" if found.shown == len(methods) else "chosen when shown (%)")
    axes.set_title(_title(found), fontsize=7.0, loc="left", pad=13)


def _title(found: Analysis) -> str:
    return headline(found).removeprefix("User study: ").removesuffix(".")


def _metadata(form: str) -> dict[str, Any]:
    """Leave out the dates and versions that matplotlib would add."""
    if form == "png":
        return {"Software": None}
    if form == "svg":
        return {"Creator": "mfsr-bench", "Date": None}
    return {"Creator": "mfsr-bench", "Producer": None, "CreationDate": None}
