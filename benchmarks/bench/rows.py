"""What measuring found, and the file that it is kept in: `bench.json`.

One row per method and batch size, one failure per measurement that did not succeed, and the
conditions that all of them share. docs/efficiency.md describes the fields.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Literal

from pydantic.dataclasses import dataclass as document

from benchmarks.api import documents
from benchmarks.api.documents import STRICT
from benchmarks.api.errors import DataError
from benchmarks.api.images import show, write_atomic

FILE = "bench.json"
OTHER = "other"  # the part of a restoration that is in no stage
_SCHEMA = 1
_COMPUTED = ("median_s", "p90_s", "images_per_s")  # in the file for its readers


@document(frozen=True, slots=True, kw_only=True, config=STRICT)
class Part:
    """One part of a restoration: a stage of the method, the prompt extractor, or the rest."""

    seconds: float | None = None  # per batch; median over the runs of the split
    macs: int | None = None  # per batch
    parameters: int | None = None  # those that no earlier part uses


@document(frozen=True, slots=True, kw_only=True, config=STRICT)
class BenchRow:
    """One method at one batch size."""

    method: str  # the row's key, as in a run: "osediff@1"
    title: str
    batch: int
    scale: int
    steps: int | None  # sampling steps; None: the method has none
    nfe: int | None  # network evaluations, by the card
    dtype: str
    seconds: tuple[float, ...]  # wall time per batch of every measured run, in order
    load_s: float  # from nothing to a method that is ready
    first_s: float  # the first batch, with all that is done only once
    peak_memory_bytes: int  # of `memory`
    memory: Literal["cuda-allocated", "rss"]  # rss: of the whole process
    reserved_bytes: int | None = None  # what torch's allocator took of the GPU at its peak
    start_memory_bytes: int = 0  # before the method was loaded, by the same measure
    parameters: int | None = None  # that take part in a restoration
    macs: int | None = None  # per batch; None: nothing that torch counts, or not counted
    parts: Mapping[str, Part] = field(default_factory=dict)  # where the split was measured

    @property
    def median_s(self) -> float:
        """Half of the batches took no longer."""
        return median(self.seconds)

    @property
    def p90_s(self) -> float:
        """Nine of ten batches took no longer; between two runs interpolated linearly."""
        if len(self.seconds) == 1:
            return self.seconds[0]
        return quantiles(self.seconds, n=10, method="inclusive")[8]

    @property
    def images_per_s(self) -> float:
        """Throughput at this batch size."""
        return self.batch / self.median_s

    @property
    def key(self) -> tuple[str, int]:
        """What a row is one of a kind by."""
        return self.method, self.batch


@document(frozen=True, slots=True, kw_only=True, config=STRICT)
class BenchFailure:
    """A measurement that did not succeed."""

    method: str
    title: str
    batch: int
    what: str  # "latency", or "split": the row is there, without its parts
    error: str  # "OutOfMemoryError"
    cause: str

    @property
    def key(self) -> tuple[str, int]:
        """What measurement it is of."""
        return self.method, self.batch


@document(frozen=True, slots=True, kw_only=True, config=STRICT)
class Conditions:
    """What all rows of a file share. Times of other conditions are not comparable."""

    lr_width: int
    lr_height: int
    device: str  # "cpu", "cuda:0"
    device_name: str  # the hardware behind it
    warm_up: int  # runs before the measured ones
    repeats: int  # measured runs
    offload: bool
    machine: Mapping[str, Any]
    tool: Mapping[str, Any]
    packages: Mapping[str, Any]

    def comparable(self) -> dict[str, Any]:
        """Return what must be equal for two rows to stand in one table."""
        facts = asdict(self)
        del facts["tool"]
        return facts


@document(slots=True, kw_only=True, config=STRICT)
class BenchResults:
    """A whole `bench.json`."""

    conditions: Conditions
    began: str  # UTC
    load_average: float | None = None  # of the last minute, before measuring
    torch: dict[str, Any] = field(default_factory=dict)  # as the measuring processes saw it
    rows: list[BenchRow] = field(default_factory=list)
    failures: list[BenchFailure] = field(default_factory=list)

    def add(self, item: BenchRow | BenchFailure) -> None:
        """Take in a row or a failure in the place of an earlier one of the same measurement."""
        if isinstance(item, BenchRow) or item.what == "latency":
            self.rows = [row for row in self.rows if row.key != item.key]
            self.failures = [one for one in self.failures if one.key != item.key]
        if isinstance(item, BenchRow):
            self.rows.append(item)
        else:
            self.failures.append(item)


def as_json(results: BenchResults) -> dict[str, Any]:
    """Return the results as plain data; what can be computed from `seconds` is in it too."""
    rows = [
        {
            **asdict(row),
            **{name: getattr(row, name) for name in _COMPUTED},
        }
        for row in results.rows
    ]
    return {
        "schema": _SCHEMA,
        "conditions": asdict(results.conditions),
        "began": results.began,
        "load_average": results.load_average,
        "torch": results.torch,
        "rows": rows,
        "failures": [asdict(failure) for failure in results.failures],
    }


def write(folder: Path, results: BenchResults) -> None:
    """Write `bench.json` into a folder, whole or not at all."""
    text = json.dumps(as_json(results), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_atomic(folder / FILE, text.encode())


def read(path: Path) -> BenchResults:
    """Read a `bench.json`, or the one in a folder.

    Raises:
        DataError: there is none, or it is not one.
        ConflictError: another version of the program wrote it in another form.
    """
    file = path / FILE if path.is_dir() else path
    if not file.is_file():
        raise DataError(f"No such file: {show(file)}", "Make it: mfsr-bench bench --out DIR")
    remedy = "Measure again with --out to another folder."
    plain = documents.read_version(file, _SCHEMA, remedy=remedy)
    plain.pop("schema", None)
    rows = plain.get("rows")
    for row in rows if isinstance(rows, list) else ():
        for computed in _COMPUTED if isinstance(row, dict) else ():
            row.pop(computed, None)
    return documents.check(BenchResults, plain, where=show(file), error=DataError)
