"""A drawn figure as files, the same bytes every time: no dates, no random ids; and its LaTeX."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from benchmarks.api.images import write_atomic
from benchmarks.tables.latex import escape
from reports.figures.drawing.style import styled
from reports.figures.model import ALL_FORMATS, About, Format, Page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TEMPLATE = r"""% \usepackage{{graphicx}}; {name}.pdf beside this file, included at its own size
\begin{{{environment}}}[t]
  \centering
  \includegraphics[width={width:.3f}in]{{{name}.pdf}}
  \caption{{{caption}}}
  \label{{fig:{name}}}
\end{{{environment}}}
"""


class Drawn(Protocol):
    """The data of any figure."""

    @property
    def about(self) -> About:
        """Its name and caption."""


D = TypeVar("D", bound=Drawn)


def write(
    draw: Callable[[D, Page], Figure],
    data: D,
    out: Path,
    formats: Iterable[Format] = ALL_FORMATS,
    page: Page | None = None,
) -> list[Path]:
    """Draw one figure and write it in some formats.

    Args:
        draw: makes the figure.
        data: what is in it.
        out: folder; made where it is missing.
        formats: one file for each.
        page: what it has to fit; None: a paper of CVPR.

    Returns:
        The files.

    Raises:
        ResourceError: the disk is full.
    """
    page, files = page or Page(), []
    with styled():
        figure = draw(data, page)
        for form in formats:
            file = out / f"{data.about.name}.{form}"
            write_atomic(file, _content(figure, data.about, form, page))
            files.append(file)
    return files


def _content(figure: Figure, about: About, form: Format, page: Page) -> bytes:
    if form is Format.TEX:
        width = figure.get_figwidth()
        return _snippet(about, width=width, spans=page.spans(width)).encode()
    buffer = BytesIO()
    figure.savefig(buffer, format=form.value, metadata=_metadata(about, form))
    return buffer.getvalue()


def _metadata(about: About, form: Format) -> dict[str, str | None]:
    """Return title and caption, without the dates and versions that matplotlib would add."""
    if form is Format.PNG:
        return {"Title": about.name, "Description": about.caption, "Software": None}
    if form is Format.SVG:
        text = {"Title": about.name, "Description": about.caption}
        return {**text, "Creator": "mfsr-bench", "Date": None}
    none = dict.fromkeys(("Producer", "CreationDate"))
    return {"Title": about.name, "Subject": about.caption, "Creator": "mfsr-bench", **none}


def _snippet(about: About, *, width: float, spans: bool) -> str:
    """Return a figure environment with the caption.

    Args:
        about: the figure.
        width: its width in inches: scaled, its text would be too small.
        spans: it is as wide as two columns.
    """
    return _TEMPLATE.format(
        environment="figure*" if spans else "figure",
        name=about.name,
        width=width,
        caption=escape(about.caption),
    )
