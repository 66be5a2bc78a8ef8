"""What a page shows, as plain data: tables, values per image, failures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.results.directory import slug
from reports.pictures import without_results
from reports.statistics.model import ALPHA

if TYPE_CHECKING:
    from benchmarks.tables.model import Cell, Document, Group, Table
    from reports.comparison import Comparison
    from reports.identity import Dataset, Metric
    from reports.pictures import Picture, Pictures

_DIGITS = 6  # significant, of a value per image: `scores.csv` has them all


def tables(document: Document) -> list[dict[str, Any]]:
    """Return the tables, one entry per data set, with the text of every cell."""
    return [_group(table, group) for table in document.tables for group in table.groups]


def _group(table: Table, group: Group) -> dict[str, Any]:
    marks = {mark for row in group.rows for cell in row.cells for mark in cell.notes}
    marks.update(group.notes, *(column.notes for column in table.columns))
    return {
        "title": group.title,
        "n": group.n,
        "caption": table.caption,
        "notes": list(group.notes),
        "columns": [
            {
                "title": column.title,
                "arrow": column.arrow,
                "metric": column.key,
                "higher": column.higher_is_better,
                "notes": list(column.notes),
            }
            for column in table.columns[table.stub :]
        ],
        "rows": [
            {
                "title": row.cells[0].text,
                "notes": list(row.cells[0].notes),
                "published": row.facts["published"],
                "cells": list(map(_cell, row.cells[table.stub :])),
            }
            for row in group.rows
        ],
        "footnotes": [[note.mark, note.text] for note in table.footnotes if note.mark in marks],
    }


def _cell(cell: Cell) -> dict[str, Any]:
    value = cell.value if isinstance(cell.value, float) and math.isfinite(cell.value) else None
    return {
        "text": cell.text,
        "value": value,
        "n": cell.n,
        "mark": cell.mark,
        "interval": cell.beside,
        "tied": cell.p is not None and cell.p > ALPHA and cell.mark != "best",
        "notes": list(cell.notes),
    }


def datasets(
    comparison: Comparison, pictures: Pictures, names: Mapping[str, Mapping[str, str]]
) -> list[dict[str, Any]]:
    """Return the data sets with their images and all values per image."""
    return [
        {
            "id": dataset.id,
            "title": dataset.title,
            "lacking": pictures.lacking.get(dataset.id, ""),
            "without": without_results(comparison, pictures.of[dataset.id], dataset.title),
            "images": [
                [one.image, names[dataset.id][one.image], one.width, one.height]
                for one in pictures.of[dataset.id]
            ],
            "absent": _absent(comparison, pictures.of[dataset.id]),
            "values": _values(comparison, dataset, pictures.of[dataset.id]),
        }
        for dataset in comparison.datasets.values()
    ]


def _absent(comparison: Comparison, pictures: Sequence[Picture]) -> dict[str, list[int]]:
    """Return source -> positions of the images that it has no file of."""
    found = {
        method: [i for i, one in enumerate(pictures) if method not in one.results]
        for method in comparison.methods
    }
    found["lr"] = [i for i, one in enumerate(pictures) if one.lr is None]
    found["hr"] = [i for i, one in enumerate(pictures) if one.hr is None]
    return found


def _values(
    comparison: Comparison, dataset: Dataset, pictures: Sequence[Picture]
) -> dict[str, list[list[float | None]]]:
    """Return metric -> one list per method, in their order, of one value per image."""
    images = [one.image for one in pictures]
    rows = comparison.scores[comparison.scores["dataset"] == dataset.id]
    found = {}
    for metric, chosen in rows.groupby("metric", sort=False):
        values = chosen.pivot(index="image", columns="method", values="value")
        table = values.reindex(index=images, columns=list(comparison.methods))
        found[str(metric)] = [list(map(_short, table[method])) for method in comparison.methods]
    return {metric: found[metric] for metric in comparison.metrics if metric in found}


def _short(value: float) -> float | None:
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None


def methods(comparison: Comparison) -> list[dict[str, Any]]:
    """Return the methods: key, title, and the folder of their images."""
    return [
        {"key": one.key, "title": one.title, "folder": f"results/{slug(one.key)}"}
        for one in comparison.methods.values()
    ]


def metrics(comparison: Comparison) -> list[dict[str, Any]]:
    """Return the metrics that have a value per image."""
    return [_metric(one) for one in comparison.metrics.values() if one.level == "sample"]


def _metric(metric: Metric) -> dict[str, Any]:
    return {
        "id": metric.id,
        "title": metric.title,
        "higher": metric.higher_is_better,
        "decimals": metric.decimals,
    }


def failures(comparison: Comparison) -> Iterator[dict[str, str]]:
    """Yield every recorded failure, with titles instead of keys."""
    for row in comparison.failures.to_dict("records"):
        if row["dataset"] in comparison.datasets and row["method"] in comparison.methods:
            metric = comparison.metrics.get(row["metric"])
            yield {
                "dataset": comparison.datasets[row["dataset"]].title,
                "method": comparison.methods[row["method"]].title,
                "image": row["image"],
                "stage": row["stage"],
                "metric": metric.title if metric else row["metric"],
                "cause": f"{row['error']}: {row['cause']}",
            }
