"""Printed tables as forms: their rows, groups and columns, for ours to take over."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.api.names import unknown
from benchmarks.conformance.columns import METRIC_OF_COLUMN
from benchmarks.conformance.published import Source, lines_of, publications, resource
from reports.published.values import PublishedRow, row_of

if TYPE_CHECKING:
    from benchmarks.api.errors import UnknownNameError

# The velocities of the ablations -> what a recipe calls them, and students by their names.
_VELOCITIES = {
    "z1-z0": "ground-truth",
    "original-meanflow-cfg": "meanflow",
    "teacher-cfg-null": "null",
    "teacher-cfg-neg": "negative",
}
_RECIPE = "negative-w6"  # of the paper's own student
_RATIO = "0.5"  # the same, of intervals whose ends differ


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedTable:
    """A table as it was printed."""

    name: str  # "mfsr:1"
    title: str  # "Table 1 of the MFSR paper (arXiv:2603.20690)"
    rows: tuple[PublishedRow, ...]  # in the order of the print
    names: dict[str, str]  # data set id -> its name there

    @property
    def datasets(self) -> tuple[str, ...]:
        """The ids of its data sets, in the order of its groups."""
        return tuple(dict.fromkeys(row.dataset for row in self.rows))

    @property
    def metrics(self) -> tuple[str, ...]:
        """The ids of its columns, in order."""
        known = {metric for row in self.rows for metric in row.texts}
        return tuple(metric for metric in METRIC_OF_COLUMN.values() if metric in known)

    def rows_on(self, dataset: str) -> tuple[PublishedRow, ...]:
        """Return the rows of one of its groups."""
        return tuple(row for row in self.rows if row.dataset == dataset)


def printed_table(name: str) -> PrintedTable:
    """Return a printed table by its name, as `mfsr:1`.

    Raises:
        UnknownNameError: no source has such a table.
    """
    known = dict(_names())
    if name not in known:
        error: UnknownNameError = unknown("printed table", name, known, see="docs/protocols.md")
        raise error
    key, number = known[name]
    source = publications().sources[key]
    return PrintedTable(
        name=name,
        title=f"Table {number} of the {source.citation.partition(',')[0]}",
        rows=tuple(row for of, row in _rows(key, source) if of == number),
        names={named.id: title for title, named in source.datasets.items()},
    )


def _names() -> Iterator[tuple[str, tuple[str, str]]]:
    for key, source in publications().sources.items():
        for number in dict.fromkeys(number for number, _ in _rows(key, source)):
            yield f"{key}:{number}", (key, number)


def _rows(key: str, source: Source) -> Iterator[tuple[str, PublishedRow]]:
    """Yield the number of a table and a row of it."""
    for line in lines_of(source):
        row = row_of(key, source, line.dataset, line.method, line.steps, dict(line.values()))
        yield line.table, row
    if not source.ablations:
        return
    (dataset,) = (t for t, named in source.datasets.items() if named.id == source.ablations_dataset)
    for cells in csv.DictReader(resource(source.ablations).splitlines()):
        texts = {METRIC_OF_COLUMN[k]: v for k, v in cells.items() if k in METRIC_OF_COLUMN and v}
        row = row_of(key, source, dataset, "MFSR", 1, texts, options=_student(cells))
        yield cells["table"], row


def _student(cells: dict[str, str]) -> str:
    """Return the options of a row of the ablations; none for the paper's own student."""
    scale, ratio = cells["guidance_scale"], cells["ratio_t_ne_s"]
    name = _VELOCITIES[cells["velocity"]] + (f"-w{scale}" if scale else "")
    if ratio != _RATIO:
        name = f"ratio-{ratio}"
    return "" if name == _RECIPE else f" +student={name}"
