"""Tables of scores as plain data, for other programs and for the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.tables.model import Cell, Column, Group, Row, Table


def as_json(table: Table) -> dict[str, Any]:
    """Return one table: its cells are those of the metrics, in their order."""
    return {
        "kind": table.facts["table"],
        "label": table.label,
        "caption": table.caption,
        "columns": list(map(_column, table.columns[table.stub :])),
        "groups": [_group(group, table.stub) for group in table.groups],
        "spread": table.intervals,
        "footnotes": [{"mark": note.mark, "text": note.text} for note in table.footnotes],
    }


def _column(column: Column) -> dict[str, Any]:
    return {
        "metric": column.key,
        "title": column.title,
        "higher_is_better": column.higher_is_better,
        "level": "set" if column.of_sets else "sample",
        "decimals": column.decimals,
        "notes": column.notes,
    }


def _group(group: Group, stub: int) -> dict[str, Any]:
    return {
        "dataset": group.facts["dataset"],
        "title": group.title,
        "n": group.n,
        "rows": [_row(row, stub) for row in group.rows],
        "notes": group.notes,
    }


def _row(row: Row, stub: int) -> dict[str, Any]:
    return {
        "key": row.facts["method"],
        "title": row.facts["title"],
        "published": "".join(row.cells[0].notes),
        "cells": list(map(_cell, row.cells[stub:])),
    }


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "value": cell.value,
        "n": cell.n,
        "mark": cell.mark,
        "interval": cell.interval,
        "p": cell.p,
        "notes": cell.notes,
    }
