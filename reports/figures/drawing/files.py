"""A drawn figure as files, the same bytes every time: no dates, no random ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from benchmarks.api.images import write_atomic
from reports.figures.drawing.style import styled
from reports.figures.latex import snippet
from reports.figures.model import ALL_FORMATS, WIDTHS, About, Columns, Format

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Drawn(Protocol):
    """The data of any figure."""

    @property
    def about(self) -> About:
        """Its name and caption."""


D = TypeVar("D", bound=Drawn)


def write(
    draw: Callable[[D, Columns | None], Figure],
    data: D,
    out: Path,
    formats: Iterable[Format] = ALL_FORMATS,
    columns: Columns | None = None,
) -> list[Path]:
    """Draw one figure and write it in some formats.

    Args:
        draw: makes the figure.
        data: what is in it.
        out: folder; made where it is missing.
        formats: one file for each.
        columns: width; None: what suits the number of panels.

    Returns:
        The files.

    Raises:
        ResourceError: the disk is full.
    """
    files = []
    with styled():
        figure = draw(data, columns)
        for form in formats:
            file = out / f"{data.about.name}.{form}"
            write_atomic(file, _content(figure, data.about, form))
            files.append(file)
    return files


def _content(figure: Figure, about: About, form: Format) -> bytes:
    if form is Format.TEX:
        width = figure.get_figwidth()
        return snippet(about, width=width, spans=width > WIDTHS[Columns.ONE]).encode()
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
