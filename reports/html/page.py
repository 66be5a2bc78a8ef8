"""The page of a run: one folder with tables, images side by side, failures and provenance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.api.errors import ConflictError
from benchmarks.api.images import is_empty, show, write_atomic
from reports.html import data
from reports.html.document import document
from reports.html.gallery import Progress, fill, stems
from reports.html.provenance import provenance
from reports.statistics.per_image import all_per_image
from reports.tables.build import build_report
from reports.tables.scope import Layout

if TYPE_CHECKING:
    from benchmarks.results.rows import RunResults
    from reports.comparison import Comparison
    from reports.pictures import Pictures

INDEX = "index.html"
_BEGUN = "unfinished.txt"  # until INDEX is there
_MARK = " · mfsr-bench</title>".encode()
_STYLES = ("base.css", "panes.css", "page.css")
_SCRIPTS = (
    "dom.js", "panes.js", "tables.js", "browser.js", "inspector.js", "provenance.js", "page.js",
)  # fmt: skip


def write_page(
    comparison: Comparison,
    results: Sequence[RunResults],
    pictures: Pictures,
    folder: Path,
    layout: Layout,
    *,
    link: bool | None,
    progress: Progress,
) -> Path:
    """Write the page of some runs, or write it anew, and return its index.html.

    Args:
        comparison: what is shown.
        results: its runs.
        pictures: its images.
        folder: new, or that of an earlier page.
        layout: what its tables show.
        link: hard links to the run's images instead of copies; None: where that is possible.
        progress: called with (files done, files in all).

    Raises:
        ConflictError: the folder holds something else.
        DataError: an image is missing or unreadable.
        ResourceError: the disk is full.
    """
    index = folder / INDEX
    if folder.exists() and not _is_page(folder):
        raise ConflictError(f"{show(folder)} holds other files.", "Choose a new folder with --out.")
    if not index.is_file():
        write_atomic(folder / _BEGUN, b"A page of mfsr-bench that is not finished.\n")
    names = {dataset: stems(one.image for one in of) for dataset, of in pictures.of.items()}
    fill(pictures, names, folder, link=link, progress=progress)
    write_atomic(index, render(comparison, results, pictures, names, layout).encode())
    (folder / _BEGUN).unlink(missing_ok=True)
    return index


def _is_page(folder: Path) -> bool:
    """Whether a folder holds a page of ours, whole or begun, or nothing yet."""
    index = folder / INDEX
    if (folder / _BEGUN).is_file() or is_empty(folder):
        return True
    return index.is_file() and _MARK in index.read_bytes()


def render(
    comparison: Comparison,
    results: Sequence[RunResults],
    pictures: Pictures,
    names: dict[str, dict[str, str]],
    layout: Layout | None = None,
) -> str:
    """Return the page's HTML; the images are beside it, under `names`."""
    title = " + ".join(run.name for run in comparison.runs)
    return document(
        "reports.html:page.html",
        title=f"{title} · mfsr-bench",
        styles=[f"reports.html:{name}" for name in _STYLES],
        scripts=[f"reports.html:{name}" for name in _SCRIPTS],
        data=_content(
            title, comparison, results, pictures, names, layout or Layout(intervals="ci")
        ),
    )


def _content(
    title: str,
    comparison: Comparison,
    results: Sequence[RunResults],
    pictures: Pictures,
    names: dict[str, dict[str, str]],
    layout: Layout,
) -> dict[str, Any]:
    known = all_per_image(comparison, results)
    report = build_report(comparison, layout, known)
    return {
        "title": title,
        "protocol": comparison.protocol.label,
        "runs": [run.label for run in comparison.runs],
        "tables": data.tables(report),
        "methods": data.methods(comparison),
        "metrics": data.metrics(comparison),
        "datasets": data.datasets(comparison, pictures, names),
        "failures": list(data.failures(comparison)),
        "provenance": provenance(comparison, results),
    }
