"""The rows of a group: ours, published ones, and ours minus published."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.conformance.published import plain_title
from benchmarks.tables.model import Cell, Row
from benchmarks.tables.text import signed
from reports.published.values import bibkey
from reports.tables import notes

if TYPE_CHECKING:
    from reports.aggregate import Estimate
    from reports.identity import Dataset, Metric
    from reports.published.values import PublishedRow
    from reports.tables.notes import Footnotes
    from reports.tables.scope import Scope


_SECTIONS = ("Without sampling", "Several steps", "One step")


def group_rows(
    scope: Scope, dataset: Dataset, published: Sequence[PublishedRow], footnotes: Footnotes
) -> tuple[Row, ...]:
    """Return the rows of a data set: ours, then below a rule what others published."""
    known = scope.comparison.methods
    if scope.layout.printed:
        ours = [(0, row) for row in _rows_as_printed(scope, dataset, footnotes)]
    else:
        ours = [
            (_section(known[method].steps), run_row(scope, dataset, method, footnotes))
            for method in scope.methods_on(dataset)
        ]
    theirs = [(_section(row.steps), published_row(scope, row, footnotes)) for row in published]
    rows: list[Row] = []
    before: tuple[bool, int] | None = None
    for section, row in _arranged(ours, scope) + _arranged(theirs, scope):
        here = (row.quoted, section if scope.layout.by_steps else 0)
        new = here != before
        words = ["Published"] * row.quoted + [_SECTIONS[section]]
        heading = ", ".join(words).capitalize() if new and scope.layout.by_steps else ""
        rows.append(replace(row, heading=heading, ruled=new and before is not None))
        before = here
    return tuple(rows)


def _rows_as_printed(scope: Scope, dataset: Dataset, footnotes: Footnotes) -> Iterator[Row]:
    """Yield our rows in the order of the printed table, blank where a method has none; then others.

    Where the whole data set is left out, its group says so.
    """
    assert scope.layout.printed
    comparison = scope.comparison
    ours = {plain_title(comparison.methods[key].title): key for key in scope.methods_on(dataset)}
    for printed in scope.layout.printed.rows_on(dataset.id):
        method = ours.pop(plain_title(printed.title), None)
        if method:
            yield run_row(scope, dataset, method, footnotes)
            continue
        why = f"{printed.title}: {notes.short(comparison.why_blank(printed.title))}"
        blank = (Cell() for _ in scope.metrics)
        marks = footnotes.mark(why) if dataset.id in comparison.datasets else ()
        yield Row(
            cells=(Cell(text=printed.title, notes=marks), *blank),
            facts={"method": "", "title": printed.title, "published": ""},
        )
    for method in ours.values():
        yield run_row(scope, dataset, method, footnotes)


def _arranged(rows: list[tuple[int, Row]], scope: Scope) -> list[tuple[int, Row]]:
    return sorted(rows, key=lambda row: row[0]) if scope.layout.by_steps else rows


def _section(steps: int | None) -> int:
    return 0 if steps is None else 2 if steps == 1 else 1


def run_row(scope: Scope, dataset: Dataset, method: str, footnotes: Footnotes) -> Row:
    """Return the row of one of our methods."""
    known = scope.comparison.methods[method]
    title = known.title
    values = (_cell(scope, dataset, metric, method, footnotes) for metric in scope.metrics)
    return Row(
        cells=(Cell(text=title), *values),
        cite=bibkey(known.card_title, known.facts) if scope.layout.cite else "",
        facts={"method": method, "title": title, "published": ""},
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
    interval = scope.uncertainty.intervals.get(key) if scope.layout.intervals else None
    return Cell(
        text=f"{estimate.value:.{metric.decimals}f}",
        value=estimate.value,
        n=estimate.n,
        interval=interval,
        beside=_beside(interval, scope.layout.intervals, metric.decimals),
        p=scope.uncertainty.p_values.get(key),
        notes=footnotes.mark(text),
    )


def _beside(interval: tuple[float, float] | None, form: str, decimals: int) -> str:
    """Return an interval as it is printed beside its value; empty where there is none.

    >>> _beside((24.69, 25.632), "ci", 2), _beside((24.69, 25.632), "pm", 2), _beside(None, "pm", 2)
    ('[24.69, 25.63]', '±0.47', '')
    """
    if interval is None:
        return ""
    low, high = interval
    if form == "pm":
        return f"±{(high - low) / 2:.{decimals}f}"
    return f"[{low:.{decimals}f}, {high:.{decimals}f}]"


def published_row(scope: Scope, row: PublishedRow, footnotes: Footnotes) -> Row:
    """Return a row that somebody published."""
    cells = []
    for metric in scope.metrics:
        value = row.values.get(metric.id)
        if value is not None:
            unsure = "may be a misprint of its source" if metric.id in row.unsure else ""
            text = _as_printed(row.texts[metric.id], metric.decimals)
            cells.append(Cell(text=text, value=value, n=row.n, notes=footnotes.mark(unsure)))
        else:
            text = "not published" if scope.has_values(metric) else ""
            cells.append(Cell(notes=footnotes.mark(text)))
    sign = footnotes.source(row.citation)
    return Row(
        cells=(Cell(text=row.title, notes=(sign,)), *cells),
        quoted=True,
        cite=bibkey(row.card_title) if scope.layout.cite else "",
        facts={"method": "", "title": row.title, "published": footnotes.text_of(sign)},
    )


def _as_printed(text: str, decimals: int) -> str:
    """Return a published value with no more decimals than ours, and never with more than it has.

    >>> _as_printed("123.493817", 2), _as_printed("5.91", 4)
    ('123.49', '5.91')
    """
    return f"{float(text):.{decimals}f}" if len(text.partition(".")[2]) > decimals else text


def difference_row(
    scope: Scope, dataset: Dataset, method: str, theirs: PublishedRow, footnotes: Footnotes
) -> Row:
    """Return ours minus published, unrounded where ours is."""
    cells = []
    for metric in scope.metrics:
        ours = scope.found.get((dataset.id, metric.id, method))
        value = theirs.values.get(metric.id)
        if ours is not None and value is not None:
            cells.append(_difference(ours, value, metric))
        else:
            text = "not published" if value is None else "not computed"
            cells.append(Cell(notes=footnotes.mark(text)))
    title = scope.comparison.methods[method].title
    sign = footnotes.source(theirs.citation)
    return Row(
        cells=(Cell(text=title, notes=(sign,)), *cells),
        facts={"method": method, "title": title, "published": footnotes.text_of(sign)},
    )


def _difference(ours: Estimate, theirs: float, metric: Metric) -> Cell:
    value = ours.value - theirs
    return Cell(text=signed(value, metric.decimals), value=value, n=ours.n)
