"""The rows as files for people: sorted, so that the same results are the same bytes."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from benchmarks.api.images import atomic_file
from benchmarks.results.rows import (
    FailureRow,
    ImageRow,
    PromptRow,
    ScoreRow,
    SetScoreRow,
    TimingRow,
)
from benchmarks.results.store import TABLES, R, RunStore


def export(store: RunStore, folder: Path) -> None:
    """Write the rows of each kind as a file of their own.

    These are `images.csv`, `scores.csv`, `set_scores.csv`, `failures.csv`, `prompts.csv` and
    `timings.csv`. Nothing is written where all of them are newer than the last row.
    """
    store.commit()
    if _is_newer([folder / f"{name}.csv" for name in TABLES.values()], store.path):
        return
    _export(store, folder, ImageRow)
    _export(store, folder, ScoreRow)
    _export(store, folder, SetScoreRow)
    _export(store, folder, FailureRow)
    _export(store, folder, PromptRow)
    _export(store, folder, TimingRow)


def _is_newer(files: list[Path], database: Path) -> bool:
    try:
        written = database.stat().st_mtime_ns
        return all(file.stat().st_mtime_ns > written for file in files)
    except OSError:  # one of them is not there, or the rows are in memory
        return False


def _export(store: RunStore, folder: Path, kind: type[R]) -> None:
    names = [field.name for field in fields(kind)]
    with atomic_file(folder / f"{TABLES[kind]}.csv") as binary:
        text = io.TextIOWrapper(binary, encoding="utf-8", newline="", write_through=True)
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(names)
        for row in store.rows(kind):
            writer.writerow([_cell(getattr(row, name)) for name in names])
        text.detach()


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return repr(value)  # the shortest text that reads back as the same number
    if isinstance(value, dict):
        return json.dumps(value)
    return value
