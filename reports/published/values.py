"""Published numbers as rows of our tables."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from benchmarks.conformance.columns import metric_of
from benchmarks.conformance.logs import logs

if TYPE_CHECKING:
    from reports.identity import Method


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRow:
    """One method on one data set, as somebody published it."""

    citation: str
    dataset: str  # data set id
    n: int  # images of that set
    card_title: str  # "TSD-SR"
    steps: int
    values: Mapping[str, float]  # by metric id, rounded as printed
    note: str = ""  # in what the data set may differ from ours

    @property
    def title(self) -> str:
        """The row's title: METHOD-Ns."""
        return f"{self.card_title}-{self.steps}s"


def counterparts(method: Method, rows: Iterable[PublishedRow]) -> tuple[PublishedRow, ...]:
    """Return the rows that are about `method`, at most one per source.

    An option changes what a method is, so only defaults match. Steps have to be equal; a folder of
    precomputed images has none of its own and matches a title with them (`MFSR-2s`), or a bare
    title that the source has only once.
    """
    if method.options:
        return ()
    wanted = plain_title(method.card_title)
    by_source: dict[str, list[PublishedRow]] = {}
    for row in rows:
        by_title = wanted == plain_title(row.title)
        by_method = wanted == plain_title(row.card_title) and method.steps in (None, row.steps)
        if by_title or by_method:
            by_source.setdefault(row.citation, []).append(row)
    return tuple(found[0] for found in by_source.values() if len(found) == 1)


def plain_title(title: str) -> str:
    """Return a title without case and punctuation: TSD-SR, TSDSR and Tsd_Sr are one method."""
    return "".join(filter(str.isalnum, title.casefold()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What is known of one data set as a run used it."""

    rows: tuple[PublishedRow, ...] = ()
    refused: str = ""  # why rows of this set were left out; empty where none were
    notes: tuple[str, ...] = field(default=())


def published_for(dataset: str, n: int) -> Published:
    """Return the published rows that are about this very set of images.

    Args:
        dataset: data set id.
        n: images of it that were tried, whether or not they succeeded.
    """
    rows = [row for row in published_rows() if row.dataset == dataset]
    same = tuple(row for row in rows if row.n == n)
    refused = ""
    if len(same) < len(rows):
        other = next(row.n for row in rows if row.n != n)
        refused = f"published values are of {other} images, these runs have {n}: left out"
    return Published(
        rows=same,
        refused=refused,
        notes=tuple(dict.fromkeys(row.note for row in same if row.note)),
    )


@cache
def published_rows() -> tuple[PublishedRow, ...]:
    """Return all published rows, papers first, in the order in which they were printed."""
    text = resource("sources.toml")
    papers = [facts for facts in tomllib.loads(text).values() if "tables" in facts]
    return (*(row for facts in papers for row in _paper(facts)), *_logs())


def bibkey(title: str, facts: Mapping[str, Any] | None = None) -> str:
    """Return the key of a method's paper in docs/references.bib; empty where it has none.

    Args:
        title: of the method.
        facts: what `run.json` says of it, where it was run.
    """
    paper = (facts or {}).get("card", {}).get("paper") or {}
    known: dict[str, str] = tomllib.loads(resource("sources.toml"))["bibkeys"]
    return str(paper.get("bibkey") or known.get(title, ""))


def _paper(facts: Mapping[str, Any]) -> Iterator[PublishedRow]:
    """Yield the rows of a paper; a method that two of its tables repeat is one row."""
    found: dict[tuple[str, str, int], dict[str, float]] = {}
    for line in csv.DictReader(resource(facts["tables"]).splitlines()):
        key = (line.pop("dataset"), line.pop("method"), int(line.pop("steps")))
        table = line.pop("table")
        values = found.setdefault(key, {})
        for column, text in line.items():
            if text:
                metric, value = _metric(column), float(text)
                if values.setdefault(metric, value) != value:
                    raise AssertionError(f"Table {table} contradicts another on {key}, {metric}")
    for (dataset, method, steps), values in found.items():
        named = facts["datasets"][dataset]
        yield PublishedRow(
            citation=facts["citation"],
            dataset=named["id"],
            n=named["n"],
            note=named.get("note", ""),
            card_title=facts["methods"].get(method, method),
            steps=steps,
            values=values,
        )


def _logs() -> Iterator[PublishedRow]:
    for log in logs().values():
        yield PublishedRow(
            citation=f"set means of the log in {log.source}",
            dataset=log.dataset,
            n=log.n,
            card_title=log.method,
            steps=log.steps,
            values={_metric(column): value for column, value in log.means.items()},
        )


def _metric(column: str) -> str:
    metric = metric_of(column)
    assert metric is not None, column
    return metric


def resource(name: str) -> str:
    """Return the contents of one of the files beside this module."""
    return files("reports.published").joinpath(name).read_text(encoding="utf-8")
