"""A comparison -> tables in the form of the MFSR paper.

Data sets with references are one table, those without another: the second has no columns for
metrics that need a reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from benchmarks.tables.model import Column, Document, Group, Table
from reports.aggregate import estimates
from reports.identity import Dataset
from reports.published.values import (
    Published,
    PublishedRow,
    counterparts,
    only,
    published_for,
)
from reports.statistics.model import PerImages, Uncertainty
from reports.tables import notes
from reports.tables.data import as_json
from reports.tables.marks import marked
from reports.tables.notes import Footnotes, about_noise, about_statistics
from reports.tables.rows import difference_row, group_rows
from reports.tables.scope import Layout, Scope

if TYPE_CHECKING:
    from reports.comparison import Comparison
    from reports.identity import Metric
    from reports.published.printed import PrintedTable

_METHOD = Column(title="Method")


def build_report(
    comparison: Comparison, layout: Layout | None = None, known: PerImages | None = None
) -> Document:
    """Return the tables of a comparison, without those that would have no rows or no columns.

    Args:
        comparison: what is compared.
        layout: what is shown.
        known: its values per image, where the layout asks for intervals or ties.
    """
    layout = layout or Layout()
    tables: list[Table] = []
    for scope in _scopes(comparison, layout, known or PerImages()):
        tables += [_scores(scope), _differences(scope)] if layout.delta else [_scores(scope)]
    protocol = comparison.protocol
    facts = {"protocol": protocol.id, "protocol_hash": protocol.hash}
    shown = tuple(table for table in tables if table.groups and len(table.columns) > 1)
    comment = tuple(_provenance(comparison))
    data = {**facts, "provenance": comment, "tables": [as_json(table) for table in shown]}
    return Document(tables=shown, comment=comment, facts=facts, data=data)


def _scopes(comparison: Comparison, layout: Layout, known: PerImages) -> Iterator[Scope]:
    found = estimates(comparison)
    if layout.printed:
        scope = _as_printed(comparison, layout, layout.printed)
        scope = replace(scope, found=found)
        yield replace(scope, uncertainty=_uncertainty(scope, known))
        others = [one for one in comparison.datasets if one not in layout.printed.datasets]
        if others:
            rest = comparison.select(datasets=others)
            yield from _scopes(rest, replace(layout, printed=None), known)
        return
    for has_reference in (True, False):
        datasets = [
            one for one in comparison.datasets.values() if one.has_reference == has_reference
        ]
        scope = Scope(
            comparison=comparison, layout=layout, found=found, datasets=datasets, metrics=()
        )
        metrics = [
            metric
            for metric in comparison.metrics.values()
            if _belongs(metric, comparison, has_reference=has_reference) or scope.tried(metric)
        ]
        yield replace(scope, metrics=metrics, uncertainty=_uncertainty(scope, known))


def _as_printed(comparison: Comparison, layout: Layout, printed: PrintedTable) -> Scope:
    """Return the scope of a printed table: its groups and columns, whether or not we have them."""
    datasets = []
    for name in printed.datasets:
        n = printed.rows_on(name)[0].n
        absent = Dataset(id=name, title=printed.names[name], n=n, has_reference=True, manifest="")
        datasets.append(comparison.datasets.get(name, absent))
    known = comparison.metrics
    return Scope(
        comparison=comparison,
        layout=layout,
        found={},
        datasets=datasets,
        metrics=[known[metric] for metric in printed.metrics if metric in known],
    )


def _uncertainty(scope: Scope, known: PerImages) -> Uncertainty:
    """Return intervals and tests of one table, which is the family of Holm's correction."""
    if not known.columns:
        return Uncertainty()
    from reports.statistics.uncertainty import uncertainty

    datasets = {dataset.id for dataset in scope.datasets}
    mine = PerImages(
        columns=tuple(one for one in known.columns if one.dataset in datasets),
        lacking={key: why for key, why in known.lacking.items() if key[0] in datasets},
    )
    metrics = scope.comparison.metrics
    return uncertainty(mine, {key: one.higher_is_better for key, one in metrics.items()})


def _belongs(metric: Metric, comparison: Comparison, *, has_reference: bool) -> bool:
    """Whether the protocol has a column for `metric` on data sets with or without references."""
    listed = comparison.protocol.columns.get(has_reference)
    applies = has_reference or not metric.needs_reference
    return applies and (not listed or metric.id in listed)


def _provenance(comparison: Comparison) -> Iterator[str]:
    protocol = comparison.protocol
    yield f"protocol {protocol.id}, hash {protocol.hash}"
    if protocol.rule:
        yield f"rule: {protocol.rule}"
    for run in comparison.runs:
        yield f"run {run.label}"
    for dataset in comparison.datasets.values():
        manifest = f", manifest {dataset.manifest[:12]}" if dataset.manifest else ""
        yield f"data set {dataset.id}: {dataset.n} images{manifest}"
    for metric in comparison.metrics.values():
        yield f"column {metric.title}: {metric.id}"


def _scores(scope: Scope) -> Table:
    footnotes = Footnotes()
    columns = _columns(scope, footnotes)
    groups = []
    for dataset in scope.datasets:
        published = _published(scope, dataset)
        if not scope.methods_on(dataset) and not published.rows:
            continue
        group = _group(scope, dataset, published, footnotes)
        rows = group_rows(scope, dataset, published.rows, footnotes)
        layout = scope.layout
        ranked = marked(rows, columns, published=layout.rank_published, tied=layout.tied)
        doubt = footnotes.mark(notes.about_niqe(dataset, scope.metrics, ranked))
        groups.append(replace(group, rows=ranked, notes=(*group.notes, *doubt)))
    return _table("scores", scope, columns, groups, footnotes)


def _differences(scope: Scope) -> Table:
    footnotes = Footnotes()
    columns = [_METHOD, *map(_column, scope.metrics)]
    groups = []
    for dataset in scope.datasets:
        published = _known(scope, dataset)
        pairs = [
            (method, theirs)
            for method in scope.methods_on(dataset)
            for theirs in counterparts(scope.comparison.methods[method], published.rows)
        ]
        if pairs:
            group = _group(scope, dataset, published, footnotes)
            rows = [difference_row(scope, dataset, *pair, footnotes) for pair in pairs]
            groups.append(replace(group, rows=tuple(rows)))
    return _table("difference", scope, columns, groups, footnotes)


def _published(scope: Scope, dataset: Dataset) -> Published:
    """Return what is shown of the published rows of a data set, and why others are not."""
    layout = scope.layout
    if layout.printed:
        return _known(scope, dataset)
    if not (layout.published or layout.delta):
        return Published()
    known = _known(scope, dataset)
    if not layout.published:
        return Published(refused=known.refused)
    return replace(known, rows=tuple(row for row in known.rows if _wanted(scope, row)))


def _wanted(scope: Scope, row: PublishedRow) -> bool:
    """Whether a row is asked for, and has a value in any column."""
    titles = scope.layout.published_titles
    return (titles is None or row.title in titles) and any(
        metric.id in row.texts for metric in scope.metrics
    )


def _known(scope: Scope, dataset: Dataset) -> Published:
    """Return the published rows of the sources that are asked for."""
    n, printed = scope.n_tried(dataset), scope.layout.printed
    if printed:
        rows = printed.rows_on(dataset.id)
        return only(rows, n) if n else Published(rows=rows)
    name = scope.layout.known_as.get(dataset.id, dataset.id)
    known = published_for(name, n)
    if name != dataset.id:
        known = replace(known, notes=(f"taken for {name}, as --as says", *known.notes))
    if scope.layout.sources is None:
        return known
    return replace(known, rows=tuple(r for r in known.rows if r.source in scope.layout.sources))


def _group(scope: Scope, dataset: Dataset, published: Published, footnotes: Footnotes) -> Group:
    """Return the group of a data set, without its rows."""
    n_of = scope.n_of_samples(dataset)
    of_sets = [scope.n_of_sets(dataset, metric) for metric in scope.metrics]
    n = notes.usual_n(list(n_of.values()) or list(filter(None, of_sets)))
    texts = [notes.about_n(scope.comparison, dataset, n, n_of), published.refused]
    if dataset.id not in scope.comparison.datasets:
        texts = [f"left out: {notes.short(scope.comparison.why_blank(dataset.id))}"]
    if published.rows:
        texts += published.notes
        if 0 < n < (full := published.rows[0].n):
            texts.append(f"published values are over all {full} images")
    return Group(
        facts={"dataset": dataset.id, "n": n},
        title=dataset.title,
        n=n,
        rows=(),
        notes=tuple(
            mark for text in texts if text for mark in footnotes.mark(f"{dataset.title}: {text}")
        ),
    )


def _columns(scope: Scope, footnotes: Footnotes) -> list[Column]:
    """Return the columns; those without values of ours say why, the same reason once."""
    reasons = {
        metric.id: notes.about_column(scope.comparison, metric)
        for metric in scope.metrics
        if not scope.has_values(metric)
    }
    columns = [_METHOD]
    for metric in scope.metrics:
        reason = reasons.get(metric.id)
        alike = [one.title for one in scope.metrics if reason and reasons.get(one.id) == reason]
        text = f"{', '.join(alike)}: {reason}" if reason else ""
        marks = footnotes.mark(text) + _unsure(scope, metric, footnotes)
        columns.append(replace(_column(metric), notes=marks))
    return columns


def _unsure(scope: Scope, metric: Metric, footnotes: Footnotes) -> tuple[str, ...]:
    """Return the marks of why a column has no intervals, and was not tested, on some data sets."""
    texts = [
        f"{metric.title} on {dataset.title}: {why}"
        for dataset in scope.datasets
        if (why := scope.uncertainty.lacking.get((dataset.id, metric.id)))
    ]
    return tuple(mark for text in texts for mark in footnotes.mark(text))


def _column(metric: Metric) -> Column:
    return Column(
        key=metric.id,
        title=metric.title,
        numeric=True,
        higher_is_better=metric.higher_is_better,
        of_sets=metric.level == "set",
        decimals=metric.decimals,
    )


def _table(
    kind: Literal["scores", "difference"],
    scope: Scope,
    columns: Sequence[Column],
    groups: Sequence[Group],
    footnotes: Footnotes,
) -> Table:
    are_scores = kind == "scores"
    what = "Comparison" if are_scores else "Ours minus published"
    titles = [group.title for group in groups]
    on = " and ".join(filter(None, [", ".join(titles[:-1]), *titles[-1:]]))
    if scope.layout.printed:
        on += f", laid out as {scope.layout.printed.title}"
    words = [*about_statistics(scope), about_noise(columns, groups, scope.layout)]
    if footnotes.signs and not scope.layout.rank_published:
        words.append(f"Rows with {' or '.join(footnotes.signs)} are published and not ranked.")
    protocol = scope.comparison.protocol.label
    datasets = [str(group.facts["dataset"]) for group in groups]
    return Table(
        facts={"table": kind},
        label="-".join([*datasets, *([] if are_scores else ["delta"])]),
        caption=" ".join(
            [
                f"{what} on {on}. Means over n images, protocol {protocol}.",
                *filter(None, words if are_scores else ()),
            ]
        ),
        heading="Dataset",
        ranked=are_scores,
        intervals=scope.layout.intervals if are_scores else "",
        columns=tuple(columns),
        groups=tuple(groups),
        footnotes=footnotes.collected(),
    )
