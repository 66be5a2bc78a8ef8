"""The tables of the MFSR paper, as they are printed.

Marks are known of three columns alone, from a reading of the paper's text: `mfsr_marks.csv`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from pydantic.dataclasses import dataclass

from benchmarks.api import documents
from benchmarks.api.documents import STRICT
from benchmarks.conformance.published import Source, publications, resource
from reports.audit.csv_file import read_csv
from reports.audit.interpret import interpret

if TYPE_CHECKING:
    from reports.audit.model import Entry, Mark, PaperTable

NAME = "paper"
_MARKS = "mfsr_marks.csv"
_BASIS = "read in a text extraction of the paper: confirm it in the PDF"
_KNOWN_MARKS: Mapping[str, Mark] = {"marked": "marked", "unmarked": ""}


def _source() -> Source:
    return publications().sources["mfsr"]


def citation() -> str:
    """Return by what the published rows cite the paper."""
    return _source().citation


def paper() -> tuple[PaperTable, ...]:
    """Return Tables 1 to 5, ablations under the data set that the paper's text names."""
    marks = _marks()
    tables = [
        replace(table, entries=tuple(_marked(table, marks))) for table in _tables(_source().tables)
    ]
    tables += _tables(_source().ablations)
    return tuple(sorted(tables, key=lambda table: table.name))


def _tables(file: str) -> Iterator[PaperTable]:
    n_of = {title: of.n for title, of in _source().datasets.items()}
    for grid in read_csv(_with_methods(resource(file)), file):
        table = interpret(grid, _source().ablations_stated)
        assert table is not None, grid.name
        number = grid.name.rpartition(" ")[2]
        entries = tuple(replace(entry, line=0) for entry in table.entries)
        yield replace(table, name=f"Table {number}", entries=entries, n_of=n_of)


def _with_methods(text: str) -> str:
    """Return the CSV of the ablations with one column that says what each row is."""
    rows = list(csv.DictReader(text.splitlines()))
    if "velocity" not in rows[0]:
        return text
    lines = []
    for row in rows:
        parts = [row.pop("velocity")]
        for column, symbol in (("guidance_scale", "w"), ("ratio_t_ne_s", "r")):
            value = row.pop(column)
            parts += [f"{symbol}={value}"] if value else []
        lines.append({"method": " ".join(parts), **row})
    head = ",".join(lines[0])
    return "\n".join([head, *(",".join(line.values()) for line in lines)])


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class _MarkLine:
    """One line of `mfsr_marks.csv`."""

    table: str
    dataset: str
    method: str
    metric: str
    mark: Literal["marked", "unmarked"]


def _marks() -> dict[tuple[str, str, str, str], Mark]:
    rows = documents.parse_rows(_MarkLine, resource(_MARKS), where=_MARKS)
    return {
        (f"Table {row.table}", row.dataset, row.method, row.metric): _KNOWN_MARKS[row.mark]
        for row in rows
    }


def _marked(table: PaperTable, marks: Mapping[tuple[str, str, str, str], Mark]) -> Iterator[Entry]:
    for entry in table.entries:
        key = (table.name, entry.dataset, entry.method, entry.name.lower())
        yield replace(entry, mark=marks[key], basis=_BASIS) if key in marks else entry
