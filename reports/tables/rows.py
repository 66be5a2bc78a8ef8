"""The rows of a group: ours, published ones, and ours minus published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.tables import notes
from reports.tables.model import Cell, Row

if TYPE_CHECKING:
    from reports.identity import Dataset, Metric
    from reports.published.values import PublishedRow
    from reports.tables.notes import Footnotes
    from reports.tables.scope import Scope


def run_row(scope: Scope, dataset: Dataset, method: str, footnotes: Footnotes) -> Row:
    """Return the row of one of our methods."""
    return Row(
        key=method,
        title=scope.comparison.methods[method].title,
        cells=tuple(_cell(scope, dataset, metric, method, footnotes) for metric in scope.metrics),
    )


def _cell(
    scope: Scope, dataset: Dataset, metric: Metric, method: str, footnotes: Footnotes
) -> Cell:
    key = (dataset.id, metric.id, method)
    estimate = scope.found.get(key)
    if estimate is None:
        if not scope.has_values(metric):
            return Cell()  # the column says why
        text = notes.about_cell(scope.comparison, dataset, metric, method, scope.found)
        return Cell(notes=footnotes.mark(text))
    text = ""
    if metric.level == "set" and estimate.n < (most := scope.n_of_sets(dataset, metric)):
        text = f"{metric.title} over {estimate.n} images, not ranked against {most}"
    return Cell(
        value=estimate.value,
        n=estimate.n,
        interval=scope.uncertainty.intervals.get(key) if scope.layout.spread else None,
        p=scope.uncertainty.p_values.get(key),
        notes=footnotes.mark(text),
    )


def published_row(scope: Scope, row: PublishedRow, footnotes: Footnotes) -> Row:
    """Return a row that somebody published."""
    cells = []
    for metric in scope.metrics:
        value = row.values.get(metric.id)
        if value is not None:
            cells.append(Cell(value=value, n=row.n))
        else:
            text = "not published" if scope.has_values(metric) else ""
            cells.append(Cell(notes=footnotes.mark(text)))
    return Row(
        key="",
        title=row.title,
        published=footnotes.source(row.citation),
        cells=tuple(cells),
    )


def difference_row(
    scope: Scope, dataset: Dataset, method: str, theirs: PublishedRow, footnotes: Footnotes
) -> Row:
    """Return ours minus published, unrounded where ours is."""
    cells = []
    for metric in scope.metrics:
        ours = scope.found.get((dataset.id, metric.id, method))
        value = theirs.values.get(metric.id)
        if ours is not None and value is not None:
            cells.append(Cell(value=ours.value - value, n=ours.n))
        else:
            text = "not published" if value is None else "not computed"
            cells.append(Cell(notes=footnotes.mark(text)))
    return Row(
        key=method,
        title=scope.comparison.methods[method].title,
        published=footnotes.source(theirs.citation),
        cells=tuple(cells),
    )
